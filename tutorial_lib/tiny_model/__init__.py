"""The model in the box: a small Llama that ships inside the package, with a few abilities to look into.

It knows facts, tells who was given what, copies by induction, has a sentiment and refuses bad requests.
`path()` is an ordinary model folder: `AutoModelForCausalLM.from_pretrained(path())` loads it, and so does
`tutorial_lib.load_model()`. `README.md` in that folder is the model card, `evaluation.json` what was
measured.

`skills/` writes the corpus, `corpus.py` mixes it, `tokenizer.py` cuts it, `train.py` trains on it and
`evaluate.py` measures the result.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["path"]


def path() -> Path:
    """Folder of the model in the box: `config.json`, `model.safetensors`, the tokenizer, model card."""
    return Path(__file__).parent / "weights"
