"""Pages that are written by hand but for parts of them: `<!-- KIND: NAME -->` ... `<!-- end of KIND -->`.

Each part stands in a section of its own, under a heading of the second level, with an example that the tests
run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

from tools.pages.scan import scan


class PartsError(Exception):
    """A page is not as it should be; a line for each thing to mend."""


@dataclass(frozen=True)
class Section:
    """A section that has parts, from its heading to the next one of the second level.

    Attributes:
        page: the file's name.
        heading: without its marks.
        names: of the parts in it: one, if all is well.
        text: all of it.
    """

    page: str
    heading: str
    names: tuple[str, ...]
    text: str

    def code(self, language: str) -> str:
        """Its blocks of a language."""
        return "\n".join(f.body for f in scan(self.text).fences if f.info.strip() == language)


def sections_of(page: str, text: str, kind: str) -> list[Section]:
    """The sections of a page that have parts of this kind."""
    fenced = {n for fence in scan(text).fences for n in range(fence.line, fence.end + 1)}
    lines = text.split("\n")
    starts = [n for n, line in enumerate(lines) if line.startswith("## ") and n + 1 not in fenced]
    found = []
    for start, end in pairwise([*starts, len(lines)]):
        body = "\n".join(lines[start:end])
        names = tuple(re.findall(rf"^<!-- {kind}: (.+) -->$", body, re.MULTILINE))
        if names:
            found.append(Section(page, lines[start].removeprefix("## ").strip(), names, body))
    return found


def filled(text: str, kind: str, write: Callable[[str], str]) -> str:
    """The text of a page with its parts written anew, by name."""
    part = re.compile(
        rf"^(<!-- {kind}: ([^\n]+) -->)\n.*?^(<!-- end of {kind} -->)$", re.MULTILINE | re.DOTALL
    )
    return part.sub(lambda match: f"{match[1]}\n\n{write(match[2])}\n\n{match[3]}", text)


def problems(
    sections: Iterable[Section], needed: Iterable[str], kind: str, heading: Callable[[str], str]
) -> list[str]:
    """What is wrong with the sections, a line each: a name without one or with two, a part without an end.

    Args:
        sections: those of all pages.
        needed: the names that must have one.
        kind: of the parts.
        heading: the one that the section of a name has.
    """
    sections = list(sections)
    counted = Counter(name for section in sections for name in section.names)
    found = [f"{name} has no section" for name in needed if not counted[name]]
    found += [f"{name} has {n} sections" for name, n in counted.items() if n > 1]
    for section in sections:
        at = f"{section.page}: {section.heading}"
        if len(section.names) > 1 or section.heading != heading(section.names[0]):
            found.append(f"{at}: the heading must be that of the one name, {', '.join(section.names)}")
        if section.text.count(f"<!-- end of {kind} -->") != len(section.names):
            found.append(f"{at}: the marker <!-- end of {kind} --> is missing")
    return found
