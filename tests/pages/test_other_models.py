"""The pages are not only about the model in the box: their code runs on other architectures as well.

A block that needs what the other model has not fails here. An output that says `title="this model"` is the
model's own; all others are the same on every model, and compared.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import transformers

from tests import ROOT
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


@pytest.fixture(params=OTHERS)
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a tiny random model of another architecture and the tokenizer of the model in the box."""
    _, tokenizer = load_model()
    special = {name: getattr(tokenizer, name) for name in SPECIAL}
    config = transformers.AutoConfig.for_model(
        request.param, vocab_size=len(tokenizer), **OTHERS[request.param], **special
    )
    transformers.set_seed(0)
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_every_block_runs_on_another_model_and_prints_the_same_unless_it_says_otherwise(other: Path) -> None:
    # The exercises bring their own models, whatever $TUTORIAL_MODEL says: test_exercises.py runs them on all.
    options = ["--ignore", "docs/exercises", "-m", "cpu", "-q", "-p", "no:cacheprovider", "--same-everywhere"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "docs", "README.md", *options],
        cwd=ROOT,
        env={**os.environ, "TUTORIAL_MODEL": str(other), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
