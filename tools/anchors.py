"""Headings of a page, and the anchors that links to them use."""

import re

HEADING = re.compile(r"^#{1,6} +(.+?)(?: *\{.*\})?$", re.MULTILINE)


def anchor_of(heading: str) -> str:
    """The anchor that Markdown's table of contents gives to a heading."""
    kept = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", kept)
