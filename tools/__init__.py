"""What makes the site, the model in the box and the atlas. Run one with `python -m tools.FOLDER.NAME`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
