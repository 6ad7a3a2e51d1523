"""Read a Markdown page into the blocks that the tests run.

pytest-codeblocks' parser decides what a block is. But it passes over some fences without a word (`py`,
`~~~python`, `python title="x"`), loses the blank lines of an indented block and takes whatever fence comes
next for an output. So `scan` reads the page a second time, the way a Markdown renderer does, and what
the two disagree about is an error of the page: a reader must never see code that no test has run.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_codeblocks import CodeBlock, extract_from_file

from tools.pages.marks import MarkError, Marks, read_marks
from tools.pages.scan import Fence, Layout, scan

RUN = ("python", "sh", "bash")
Problem = tuple[int, str]  # a line of the page and what is wrong there
PYTHON_LIKE = re.compile(
    r"\{?\s*\.?(i?python[\d.]*|ipy|py[23w]?|pypy|sage|py?con[23]?|python-?(repl|console))(?![\w-])", re.I
)
FIGURE = re.compile(r'\s*!\[(?P<alt>[^\]]*)\]\((?P<path>[^)\s]+\.png)(?:\s+"[^"]*")?\)\s*(?:\{[^}]*\})?\s*$')
NOT_RUN = (
    "a Python fence that no test would run: open it with exactly ```python, or as an illustration ```text"
)
NOT_SEEN = "a block that would run although a reader does not see it as code"
UNCLEAR_END = "where this block ends is unclear: use a longer fence around backticks"
NOT_ALONE = "a comment to the tests is one line: <!--pytest.mark.NAME--> or <!--pytest-codeblocks:NAME-->"
# The label of an output that another model would not print; it stands over the output on the site as well.
THIS_MODEL = 'title="this model"'
INSTEAD = {
    "cont": "the blocks of a page share their names already: take it out",
    "skip": 'say why: <!--pytest.mark.skip(reason="...")-->',
    "skipif": 'say why: <!--pytest.mark.skipif(condition, reason="...")-->',
    "expect-error": "name the error: <!--pytest.mark.raises(ValueError)-->",
    "expect-exception": "name the error: <!--pytest.mark.raises(ValueError)-->",
    "expected-output-ignore-whitespace": "outputs are compared exactly: use expected-output",
}


class PageError(Exception):
    """Something on a page that its author has to mend; the message starts with `page:line:`."""


@dataclass(frozen=True)
class Figure:
    """An image line under a block: the figure that the block draws."""

    line: int
    alt: str
    path: Path


@dataclass(frozen=True)
class Block:
    """A block that is run, with all that belongs to it on the page."""

    fence: Fence
    syntax: str
    marks: Marks
    importorskip: str | None
    output: Fence | None
    figures: tuple[Figure, ...]

    @property
    def line(self) -> int:
        return self.fence.line

    @property
    def of_this_model(self) -> bool:
        """Whether the output says that another model prints something else."""
        return self.output is not None and THIS_MODEL in self.output.info

    @property
    def devices(self) -> tuple[str, ...]:
        """Shell commands know no device: they run once."""
        return self.marks.devices if self.syntax == "python" else ("cpu",)


@dataclass(frozen=True)
class Page:
    """A page: its name in messages, its text and its blocks from top to bottom."""

    path: Path
    name: str
    text: str
    blocks: tuple[Block, ...]

    def at(self, line: int) -> str:
        return f"{self.name}:{line}"


def read_page(path: Path, root: Path) -> Page:
    """Read the page at `path`; messages name it relative to `root`.

    Raises:
        PageError: the page holds something that would not be tested as it is read; lists all there is.
    """
    name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    text = path.read_text(encoding="utf-8")
    layout = scan(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # what it deprecates is an error below
            parsed = extract_from_file(path, max_num_lines=10**6)
    except RuntimeError as error:
        # Often a fence in a list: the parser misses where it opens and takes its end for an opening.
        missed = "".join(f"\n{name}:{fence.line}: {NOT_RUN}" for fence in _unknown_to_parser(text, layout))
        raise PageError(f"{name}: {error}{missed}") from None
    blocks, problems = _blocks(path, text, layout, parsed)
    problems += [*_lost_fences(layout, parsed), *_misplaced_comments(text, layout)]
    if problems:
        raise PageError("\n".join(f"{name}:{line}: {message}" for line, message in sorted({*problems})))
    return Page(path, name, text, tuple(blocks))


def _lost_fences(layout: Layout, parsed: list[CodeBlock]) -> Iterator[Problem]:
    """Where pytest-codeblocks and a reader disagree about what is code."""
    run = {block.lineno: block.code for block in parsed if block.syntax in RUN}
    seen = {fence.line: fence for fence in layout.fences}
    for fence in layout.fences:
        if fence.line not in run and PYTHON_LIKE.match(fence.info.strip()):
            yield fence.line, NOT_RUN
    for line, code in run.items():
        if line not in seen:
            yield line, NOT_SEEN
        elif re.sub(r"\s+", "", code) != re.sub(r"\s+", "", seen[line].body):
            yield line, UNCLEAR_END


def _unknown_to_parser(text: str, layout: Layout) -> list[Fence]:
    """The Python fences that pytest-codeblocks passes over."""
    lines = text.split("\n")
    python = [fence for fence in layout.fences if PYTHON_LIKE.match(fence.info.strip())]
    return [
        f for f in python if f.info.rstrip() != "python" or not lines[f.line - 1].lstrip().startswith("```")
    ]


def _misplaced_comments(text: str, layout: Layout) -> Iterator[Problem]:
    """Comments that say nothing, forbidden ones, and those whose fence is gone."""
    lines = text.split("\n")
    at = {comment.line for comment in layout.comments}
    starts = {fence.line: fence for fence in layout.fences}
    for line in layout.malformed:
        yield line, NOT_ALONE
    for comment in layout.comments:
        if comment.name in INSTEAD:
            yield comment.line, f"pytest-codeblocks:{comment.name}: {INSTEAD[comment.name]}"
            continue
        n = comment.line + 1
        while n <= len(lines) and (not lines[n - 1].strip() or n in at):
            n += 1
        if n not in starts:
            what = "output" if comment.name == "expected-output" else "block"
            yield comment.line, f"no {what} follows this comment: its fence is lost"
        elif comment.name != "expected-output" and starts[n].info.strip() not in RUN:
            yield comment.line, f"the fence after this comment is not run: ```{starts[n].info.strip()}"


def _blocks(
    path: Path, text: str, layout: Layout, parsed: list[CodeBlock]
) -> tuple[list[Block], list[Problem]]:
    """Join what the parser says about each block with where it stands, and check the rules for a block."""
    lines = text.split("\n")
    outputs, problems = _outputs(layout)
    fences = {fence.line: fence for fence in layout.fences}
    blocks: list[Block] = []
    drawn: set[Path] = set()
    for raw in parsed:
        if raw.syntax not in RUN or raw.lineno not in fences:
            continue
        fence = fences[raw.lineno]
        try:
            marks = read_marks(raw.marks)
        except MarkError as error:
            problems.append((fence.line, str(error)))
            marks = Marks()
        output = outputs.get(fence.line)
        figures = tuple(_figures(lines, fence, output, path.parent)) if raw.syntax == "python" else ()
        block = Block(fence, raw.syntax, marks, raw.importorskip, output, figures)
        twice = [figure for figure in figures if figure.path in drawn]
        problems += [(figure.line, f"{figure.path.name} stands on the page twice") for figure in twice]
        problems += [(fence.line, message) for message in _rule_breaks(block)]
        drawn |= {figure.path for figure in figures}
        blocks.append(block)
    return blocks, problems


def _outputs(layout: Layout) -> tuple[dict[int, Fence], list[Problem]]:
    """The expected output of each block, by the block's line."""
    found: dict[int, Fence] = {}
    problems = []
    for comment in layout.comments:
        after = [fence for fence in layout.fences if fence.line > comment.line]
        before = [f for f in layout.fences if f.line < comment.line and f not in found.values()]
        if comment.name != "expected-output" or not after:
            continue
        if not before or before[-1].info.strip() not in RUN:
            problems.append((comment.line, "an expected output stands under the block that prints it"))
        else:
            found[before[-1].line] = after[0]
    return found, problems


def _figures(lines: list[str], fence: Fence, output: Fence | None, folder: Path) -> Iterator[Figure]:
    """The image lines right under a block and its output."""
    n = fence.end + 1
    while n <= len(lines):
        if figure := FIGURE.match(lines[n - 1]):
            yield Figure(n, figure["alt"].strip(), (folder / figure["path"]).resolve())
        elif output and (n == output.line or "pytest-codeblocks:expected-output" in lines[n - 1]):
            n = output.end
        elif lines[n - 1].strip():
            return
        n += 1


def _rule_breaks(block: Block) -> Iterator[str]:
    if block.syntax != "python" and block.marks.raises:
        yield "raises is for Python blocks"
    if block.syntax != "python" and "cpu" not in block.marks.devices:
        yield "shell blocks run once and know no device: it would never run"
    if block.marks.output_varies and block.output:
        yield "an output that varies cannot be an expected output: show a sample of it in a ```text fence"
    for figure in block.figures:
        if not figure.alt:
            yield f"the figure {figure.path.name} needs alt text: ![what it shows]({figure.path.name})"
