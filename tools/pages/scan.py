"""Find the fences and the test comments of a Markdown page, the way a renderer reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

# A fence may stand in a list item or a quotation, where pytest-codeblocks does not look.
OPENING = re.compile(
    r"(?P<lead>[\s>]*(?:(?:[-*+]|\d+[.)])\s+)*[\s>]*)(?P<ticks>`{3,}(?!.*`)|~{3,})(?P<info>.*)$"
)
COMMENT = re.compile(
    r"<!--[-\s]*(?P<kind>pytest-codeblocks:|pytest\.mark\.)(?P<text>(?:(?!-->).)*?)[-\s]*-->"
)
MEANT_AS_COMMENT = re.compile(r"<!--[-\s]*pytest")
CODE_SPAN = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")


@dataclass(frozen=True)
class Fence:
    """One fence as a reader sees it; lines count from 1, `end` is the line that closes it."""

    line: int
    end: int
    indent: str
    ticks: str
    info: str
    body: str


@dataclass(frozen=True)
class Comment:
    """A comment that speaks to the tests: `name` is `expected-output`, `cont`, ..., or empty for a mark."""

    line: int
    name: str


@dataclass(frozen=True)
class Layout:
    """The fences and test comments of a page, and the lines with a comment that is not understood.

    `start` is the first line after the front matter.
    """

    start: int

    fences: tuple[Fence, ...]
    comments: tuple[Comment, ...]
    malformed: tuple[int, ...]


def scan(text: str) -> Layout:
    """Find the fences and comments of a page as CommonMark does; what a fence holds is not looked at."""
    lines = text.split("\n")
    fences: list[Fence] = []
    comments: list[Comment] = []
    malformed: list[int] = []
    start = n = _end_of_front_matter(lines)
    while n < len(lines):
        line = lines[n]
        if opening := OPENING.match(line):
            fences.append(_fence(lines, n, opening))
            n = fences[-1].end
            continue
        if MEANT_AS_COMMENT.search(CODE_SPAN.sub("", line)):
            if (comment := COMMENT.fullmatch(line.strip())) is None:
                malformed.append(n + 1)
            else:
                keyword = comment["text"].split("(")[0].strip() if "codeblocks" in comment["kind"] else ""
                comments.append(Comment(n + 1, keyword))
        elif "<!--" in line and "-->" not in line:  # nobody sees what a long comment holds
            while n + 1 < len(lines) and "-->" not in lines[n]:
                n += 1
        n += 1
    return Layout(start + 1, tuple(fences), tuple(comments), tuple(malformed))


def _end_of_front_matter(lines: list[str]) -> int:
    if lines and lines[0].strip() == "---" and "---" in (rest := [line.strip() for line in lines[1:]]):
        return rest.index("---") + 2
    return 0


def _fence(lines: list[str], start: int, opening: re.Match[str]) -> Fence:
    ticks, indent = opening["ticks"], re.match(r"\s*", opening["lead"])[0]  # type: ignore[index]
    closing = re.compile(rf"[\s>]*{re.escape(ticks[0])}{{{len(ticks)},}}\s*$")
    end = next((n for n in range(start + 1, len(lines)) if closing.match(lines[n])), len(lines))
    body = "".join(re.sub(rf"^[ \t]{{0,{len(indent)}}}", "", line) + "\n" for line in lines[start + 1 : end])
    return Fence(start + 1, min(end + 1, len(lines)), indent, ticks, opening["info"], body)
