"""Headings of a page, and the anchors that links to them use."""

import re
from collections import Counter

FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
HEADING = re.compile(r"^#{1,6} +(.+?)(?: *\{.*\})?$", re.MULTILINE)


def anchor_of(heading: str) -> str:
    """The anchor that Markdown's table of contents gives to a heading."""
    kept = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", kept)


def github_anchor_of(heading: str) -> str:
    """The anchor that GitHub gives to a heading: as above, but each space is a hyphen of its own."""
    return re.sub(r"[^\w\s-]", "", LINK.sub(r"\1", heading)).strip().lower().replace(" ", "-")


def github_anchors(text: str) -> set[str]:
    """The anchors of a Markdown file as GitHub shows it; where a heading comes again it is numbered."""
    found = [github_anchor_of(heading) for heading in HEADING.findall(FENCE.sub("", text))]
    seen: Counter[str] = Counter()
    anchors = set()
    for anchor in found:
        anchors.add(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
        seen[anchor] += 1
    return anchors
