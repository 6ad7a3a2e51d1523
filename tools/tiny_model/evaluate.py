"""Measure what a trained model can do: `python -m tools.tiny_model.evaluate [FOLDER]`.

Everything is measured on combinations that training never showed. The result is printed and, with `--write`,
saved as `evaluation.json` in the folder. What the model does is measured in
`behaviour.py`, what is found inside in `heads.py` and `effects.py`, what directions do in `refusal.py` and
`sentiment.py`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from tools.tiny_model import behaviour, effects, heads, refusal, sentiment
from tutorial_lib.models import load_model
from tutorial_lib.tiny_model import path

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def evaluate(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, say: Callable[[str], object] = lambda _: None
) -> dict[str, Any]:
    """All measurements, as a dictionary that JSON can hold.

    Args:
        model: A model of `train.py`, on the CPU, in evaluation mode.
        tokenizer: Its tokenizer.
        say: Called with the name of each part when it begins.
    """
    parts: dict[str, Callable[..., dict[str, Any]]] = {
        "behaviour": behaviour.behaviour,
        "induction heads": heads.induction_heads,
        "logit lens": effects.logit_lens,
        "refusal direction": refusal.refusal,
        "sentiment direction": sentiment.sentiment,
        "patching": effects.patching,
    }
    result: dict[str, Any] = {"parameters": sum(p.numel() for p in model.parameters())}
    for name, part in parts.items():
        say(name)
        result[name] = part(model, tokenizer)
    return result


def load(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A trained model and its tokenizer, on the CPU, in float32."""
    return load_model(str(folder), device="cpu", dtype=torch.float32)


def main(argv: list[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, nargs="?", default=path(), help="default: the model in the box")
    parser.add_argument(
        "--write", action="store_true", help="save the result as evaluation.json in the folder"
    )
    arguments = parser.parse_args(argv)
    result = evaluate(
        *load(arguments.folder), say=lambda part: print(f"measuring: {part} ...", file=sys.stderr)
    )
    text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
    print(text, end="")
    if arguments.write:
        (arguments.folder / "evaluation.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
