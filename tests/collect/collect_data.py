"""Data and settings that the tests of killed and of shared collections use."""

import json
import random
from pathlib import Path
from typing import Any

WORDS = "the a cat dog Anna Tom gave took book ball to from in of lives Paris France is was and".split()
SETTINGS: dict[str, Any] = dict(
    layers=[1, 3], dtype="float16", on_bad="skip", batch_tokens=512, max_length=50, too_long="split"
)


def write_data(path: Path, documents: int, *, seed: int = 0) -> Path:
    """A JSONL file of texts of 1 to 60 words; a few are empty, and a few lines are none."""
    draw = random.Random(seed)
    lines = []
    for number in range(documents):
        if number % 40 == 17:
            lines.append('{"text": ')
        elif number % 40 == 31:
            lines.append('{"text": ""}')
        else:
            lines.append(json.dumps({"text": " ".join(draw.choices(WORDS, k=draw.randint(1, 60)))}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, with its bytes."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def shards_in(folder: Path) -> int:
    return len(list(folder.glob("shard-*.safetensors"))) if folder.exists() else 0
