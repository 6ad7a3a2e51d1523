"""The pages are not only about the model in the box: their code runs on other architectures as well.

A block that needs what the other model has not fails here. An output that says `title="this model"` is the
model's own; all others are the same on every model, and compared.

A turn is one model and half of the pages. Every block of a sixth of the pages runs, and of a third the Python
blocks down to the last one whose output is compared: shell blocks load PyTorch for each command, and an
output that is the model's own shows nothing here but that its block runs.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import transformers

from tests import ROOT
from tests.turns import by_turns, deal
from tools.pages.page import Block, read_page
from tutorial_lib import load_model

SPECIAL = ("bos_token_id", "eos_token_id", "pad_token_id")
# Other names and other blocks than the Llama in the box: learned positions and Conv1D in GPT-2, attention
# biases and grouped heads in Qwen2.
OTHERS = {
    "gpt2": {"n_embd": 64, "n_layer": 4, "n_head": 4, "n_positions": 256},
    "qwen2": {
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
    },
}


# The exercises bring their own models, whatever $TUTORIAL_MODEL says: test_exercises.py runs them on all.
PAGES = [
    *(path for path in sorted((ROOT / "docs").rglob("*.md")) if "exercises" not in path.parts),
    ROOT / "README.md",
]
SHARES = deal(PAGES, 6)


def write_model(model_type: str, folder: Path) -> None:
    """A tiny random model of another architecture, with the tokenizer of the model in the box."""
    _, tokenizer = load_model()
    special = {name: getattr(tokenizer, name) for name in SPECIAL}
    config = transformers.AutoConfig.for_model(
        model_type, vocab_size=len(tokenizer), **OTHERS[model_type], **special
    )
    transformers.set_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def is_compared(block: Block) -> bool:
    """Whether what a block prints must be the same on another model."""
    return block.syntax == "python" and block.output is not None and not block.of_this_model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model_type", "number"),
    by_turns([pytest.param(name, n, id=f"{name}-{n}") for n in range(len(SHARES)) for name in OTHERS], of=12),
)
def test_every_block_runs_on_another_model_and_prints_the_same_unless_it_says_otherwise(
    model_type: str, number: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    write_model(model_type, tmp_path / "model")
    whole = SHARES[number]
    # A block that is selected alone has those above it run first.
    others = [] if request.config.option.everything else SHARES[number - 1]
    compared = [
        f"{page.relative_to(ROOT)}::line{block.line}[cpu]"
        for page in others
        for block in read_page(page, ROOT).blocks
        if is_compared(block)
    ]
    (tmp_path / "selected").write_text("\n".join([*map(str, whole), *compared]))
    options = ["-m", "cpu", "-q", "-p", "no:cacheprovider", "--same-everywhere"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", f"@{tmp_path / 'selected'}", *options],
        cwd=ROOT,
        env={**os.environ, "TUTORIAL_MODEL": str(tmp_path / "model"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
