"""Turn the chapters and labs into notebooks with their outputs.

    python -m tools.notebooks.notebooks [--check]

The pages are the only source. The notebook of a lab lies beside it: the site shows that, and not the page.
With `--check` nothing is written: it names the notebooks that are not what their page says now, and those
whose page is gone.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools import ROOT
from tools.notebooks.install_cell import before_a_page
from tools.pages.page import Block, Page, PageError, read_page
from tools.pages.scan import CODE_SPAN, COMMENT, Fence, scan
from tools.reference.generated import bring_up_to_date, parser

TAB = re.compile(r'\s*===[!+]?\s+"(?P<title>.*)"\s*$')
BOX = re.compile(r'\s*(?:!!!|\?\?\?\+?)\s+(?P<kind>[\w-]+)[\w -]*?(?:\s+"(?P<title>.*)")?\s*$')
TARGETS = re.compile(r'(?P<before>\]\(\s*<?|^\s*\[[^\]]+\]:\s+<?|\b(?:src|href)=")(?P<to>[^\s)>"]+)')
ATTRIBUTES = re.compile(r"(?:^|(?<=[)\]*_]))[ ]?\{\s*(?::|\.|#|[\w-]+=)[^{}]*\}|\s*\{:?\s*[#.][^{}]*\}\s*$")
EMPTY_QUOTATION = re.compile(r"\A(?:[> ]*>\n)+|(?:\n(?:> ?)+)+(?=\n(?!>)|\Z)")  # where one begins or ends
ICON = re.compile(r":(?:material|octicons|fontawesome|simple)-[\w-]+:\s?")
ANNOTATION = re.compile(r"(#\s*\(\d+\))!")
ERROR_NAME = r"(?:Error|Exception|Warning|Exit|Interrupt|Iteration)"


class NotebookWriter:
    """Collects the cells of a notebook; text is gathered until a block of code comes."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page, self.folder = page, folder
        self.cells: list[Any] = []
        self.text: list[str] = []
        self.level = 1  # of the last heading
        self.inside: list[tuple[int, str]] = []  # the tabs and boxes around this line: indent, prefix

    def line(self, line: str) -> None:
        """Add a line of prose."""
        if box := (TAB.match(line) or BOX.match(line)):
            self._open(line, box)
        elif line.strip():
            self._leave(line)
            if heading := re.match(r"(#{1,6})\s", line):
                self.level = len(heading[1])
            self._add(self._outside_code(self._strip(line)))
        else:
            self._add("")

    def fence(self, fence: Fence) -> None:
        """Add a fence that is not run, as it is; what its info string says to the site is left out."""
        self._leave(fence.indent + fence.ticks)
        language = re.sub(r"[{}.]", " ", fence.info).split()[:1]
        for line in [fence.ticks + "".join(language), *fence.body.split("\n")[:-1], fence.ticks]:
            self._add(line)

    def code(self, block: Block) -> None:
        """Add a block as a cell with what the page shows under it."""
        self.flush()
        cell = new_code_cell(ANNOTATION.sub(r"\1", block.fence.body.rstrip("\n")), outputs=outputs(block))
        if named := tags(block):
            cell.metadata["tags"] = named
        self.cells.append(cell)

    def flush(self) -> None:
        """Make a cell of the text so far."""
        text = EMPTY_QUOTATION.sub("", textwrap.dedent("\n".join(self.text)).strip("\n"))
        if text.strip("> \n"):
            self.cells.append(new_markdown_cell(re.sub(r"\n{3,}", "\n\n", text)))
        self.text.clear()

    def _open(self, line: str, box: re.Match[str]) -> None:
        self._leave(line)
        indent = len(line) - len(line.lstrip())
        if "kind" in box.groupdict():
            self._add("")
            self.inside.append((indent + 4, "> "))
            title = box["title"] if box["title"] is not None else box["kind"].title()
            if title:
                self._add(f"**{title}**")
        else:
            self._add(f"{'#' * min(self.level + 1, 6)} {box['title']}")
            self.inside.append((indent + 4, ""))

    def _leave(self, line: str) -> None:
        """Close the tabs and boxes that end before this line."""
        indent = len(line) - len(line.lstrip())
        while self.inside and indent < self.inside[-1][0]:
            if self.inside.pop()[1]:
                self.text.append("")

    def _strip(self, line: str) -> str:
        indent = self.inside[-1][0] if self.inside else 0
        return line[min(indent, len(line) - len(line.lstrip())) :]

    def _add(self, line: str) -> None:
        self.text.append(("".join(prefix for _, prefix in self.inside) + line).rstrip())

    def _outside_code(self, line: str) -> str:
        """Change a line of prose, but not the code in it."""
        done, at = "", 0
        for span in CODE_SPAN.finditer(line):
            done += self._prose(line[at : span.start()]) + span[0]
            at = span.end()
        return done + self._prose(line[at:])

    def _prose(self, text: str) -> str:
        plain = ATTRIBUTES.sub("", ICON.sub("", text))
        return TARGETS.sub(lambda match: match["before"] + self._target(match["to"]), plain)

    def _target(self, target: str) -> str:
        """A link of the page as a link of the notebook, within the repository."""
        if re.match(r"[a-zA-Z][\w+.-]*:|/", target):
            return target
        path, mark, anchor = target.partition("#")
        absolute = self.page.path.parent / path if path else self.page.path
        return Path(os.path.relpath(absolute, self.folder)).as_posix() + mark + anchor


def outputs(block: Block) -> list[Any]:
    """What the page shows under a block: text, figures and the announced error."""
    printed, error = split_error(block)
    found = [new_output("stream", name="stdout", text=printed)] if printed else []
    for figure in block.figures:
        if not figure.path.exists():
            raise PageError(f"{figure.path} does not exist: pytest --bake draws it")
        data = {"image/png": base64.b64encode(figure.path.read_bytes()).decode()}
        found.append(new_output("display_data", data, metadata={"image/png": {"alt": figure.alt}}))
    if error:
        name, _, message = error.rstrip("\n").partition(": ")
        ename = name.rpartition(".")[2]
        found.append(
            new_output("error", ename=ename, evalue=message, traceback=error.rstrip("\n").split("\n"))
        )
    return found


def split_error(block: Block) -> tuple[str, str]:
    """The output of a block as what it printed and the error it ends in."""
    text = block.output.body if block.output else ""
    if not block.marks.raises:
        return text, ""
    lines = text.splitlines(keepends=True)
    wanted = re.compile(rf"(?:[\w.]*\b{re.escape(block.marks.raises)}|[\w.]*{ERROR_NAME})(?::|$)")
    start = next((n for n in reversed(range(len(lines))) if wanted.match(lines[n])), len(lines) - 1)
    return "".join(lines[:start]), "".join(lines[start:])


def tags(block: Block) -> list[str]:
    """The marks of a block as tags of its cell; Jupyter goes on after a cell tagged `raises-exception`."""
    marks = block.marks
    named = {
        marks.devices[0]: len(marks.devices) == 1,
        "raises-exception": marks.raises,
        "skip": marks.skip,
        "skipif": marks.skipif,
        "importorskip": block.importorskip,
        "output-varies": marks.output_varies,
        "slow": marks.slow,
    }
    return [name for name, holds in named.items() if holds]


def convert(path: Path, folder: Path, root: Path = ROOT) -> str:
    """The text of the notebook that a page makes in `folder`."""
    page = read_page(path, root)
    writer = NotebookWriter(page, folder)
    link = Path(os.path.relpath(path, folder)).as_posix()
    writer.cells += before_a_page(page.name, link, Path(os.path.relpath(root, folder)).as_posix())
    blocks = {block.line: block for block in page.blocks if block.syntax == "python"}
    shown = {block.output.line for block in blocks.values() if block.output}
    images = {figure.line for block in blocks.values() for figure in block.figures}
    layout = scan(page.text)
    fences = {fence.line: fence for fence in layout.fences}
    lines = page.text.split("\n")
    n = layout.start
    while n <= len(lines):
        if n in blocks:
            writer.code(blocks[n])
        elif n in fences and n not in shown:
            writer.fence(fences[n])
        elif n not in fences and n not in images and not COMMENT.fullmatch(lines[n - 1].strip()):
            writer.line(lines[n - 1])
        n = fences[n].end + 1 if n in fences else n + 1
    writer.flush()
    return notebook_text(writer.cells)


def notebook_text(cells: list[Any]) -> str:
    """The notebook as text; a cell's id comes from its content, so a change elsewhere leaves it alone."""
    seen: Counter[str] = Counter()
    for cell in cells:
        digest = hashlib.sha256(f"{cell.cell_type} {cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        cell.id = digest if seen[digest] == 1 else f"{digest}-{seen[digest]}"
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = new_notebook(cells=cells, metadata={"kernelspec": kernel, "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def sources(docs: Path) -> dict[Path, Path]:
    """Each notebook and the page that it is made from."""
    found: dict[Path, Path] = {}
    chapters = docs / "chapters"
    labs = docs / "labs"
    for page in [docs / "index.md", *sorted(chapters.rglob("*.md")), *sorted(labs.glob("*.md"))]:
        base = chapters if page.is_relative_to(chapters) else docs
        name = "-".join(page.relative_to(base).with_suffix("").parts)
        notebook = docs / "notebooks" / f"{name}.ipynb"
        if page.parent == labs:
            notebook = page.with_suffix(".ipynb")
        if notebook in found:
            raise PageError(f"{page} and {found[notebook]} would both be {notebook}: rename one")
        if page.exists():
            found[notebook] = page
    return found


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    try:
        pages = sources(docs)
        files = {to: convert(page, to.parent, docs.parent) for to, page in pages.items()}
    except PageError as error:
        print(error, file=sys.stderr)
        return 1
    return bring_up_to_date(
        files,
        [*(docs / "notebooks").glob("*.ipynb"), *(docs / "labs").glob("*.ipynb")],
        options,
        tool="notebooks.py",
        stale_is=lambda to: f" is not what {pages[to].relative_to(docs.parent).as_posix()} says",
        orphan_is=" has no page",
    )


if __name__ == "__main__":
    sys.exit(main())
