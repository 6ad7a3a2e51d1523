"""Write the page that counts all blocks: `python -m tools.reference.blocks_page [--check] [--docs docs]`.

It is computed from the sources, by the same reader as the tests, so it is the same on every machine.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.pages.page import Page, PageError, read_page
from tools.reference.generated import bring_up_to_date, parser

INTRO = """\
---
description: How many blocks of code each page has, how many of them run on CPU and CUDA, and what is skipped.
---

# What is run on these pages

Every block of code on this site is a test: it is run, and what it prints and draws is compared with what
stands under it. This page counts the blocks and where they run; `make bake` writes it
from the sources. What runs on CUDA is skipped on a machine without such a device.

| Page | Blocks | CPU | CUDA | Skipped | Errors expected | Figures |
| ---- | -----: | --: | ---: | ------: | --------------: | ------: |
"""


@dataclass(frozen=True)
class Count:
    """The numbers of a row of the table."""

    blocks: int
    cpu: int
    cuda: int
    skipped: int
    errors: int
    figures: int

    def row(self, name: str) -> str:
        numbers = (self.blocks, self.cpu, self.cuda, self.skipped, self.errors, self.figures)
        return f"| {name} | " + " | ".join(str(number) for number in numbers) + " |\n"


def count(pages: list[Page]) -> Count:
    """Count the blocks of pages; one that is skipped under a condition counts as run."""
    blocks = [block for page in pages for block in page.blocks]
    run = [block for block in blocks if block.marks.skip is None]
    return Count(
        blocks=len(blocks),
        cpu=sum("cpu" in block.devices for block in run),
        cuda=sum("cuda" in block.devices for block in run),
        skipped=len(blocks) - len(run),
        errors=sum(block.marks.raises is not None for block in run),
        figures=sum(len(block.figures) for block in blocks),
    )


def reasons(page: Page) -> list[str]:
    """Why blocks of a page are skipped, always or under a condition; line numbers would soon be stale."""
    found: list[str] = []
    for block in page.blocks:
        if block.marks.skip:
            found.append(block.marks.skip)
        found += [f"{each.reason} (if `{each.condition}`)" for each in block.marks.skipif]
        if block.importorskip:
            found.append(f"if `{block.importorskip}` is not installed")
    return found


def link(page: Page, docs: Path) -> str:
    """The title of a page, as a link to it where the page is on the site; of a lab, its notebook is."""
    if not page.path.is_relative_to(docs):
        return f"`{page.name}`"
    notebook = page.path.with_suffix(".ipynb")  # of a lab the site shows the notebook
    path = (notebook if notebook.exists() else page.path).relative_to(docs).as_posix()
    title = re.search(r"^# (.+)$", page.text, re.MULTILINE)
    return f"[{title[1] if title else path}](../{path})"


def report(docs: Path) -> str:
    """The text of the page."""
    target = docs / "reference" / "blocks.md"
    paths = [path for path in [docs.parent / "README.md", *sorted(docs.rglob("*.md"))] if path != target]
    pages = [page for path in paths if path.exists() and (page := read_page(path, docs.parent)).blocks]
    text = INTRO + "".join(count([page]).row(link(page, docs)) for page in pages)
    text += count(pages).row("**All pages**")
    text += "\n## Skipped blocks\n\n"
    skipped = [
        f"- {link(page, docs)}: {reason}\n" for page in pages for reason in dict.fromkeys(reasons(page))
    ]
    return text + ("".join(skipped) or "None is skipped.\n")


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    try:
        files = {docs / "reference" / "blocks.md": report(docs)}
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    return bring_up_to_date(files, (), options, tool="reference.blocks_page")


if __name__ == "__main__":
    sys.exit(main())
