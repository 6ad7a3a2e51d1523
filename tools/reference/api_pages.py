"""Write the overview of the library's names: `python -m tools.reference.api_pages [--check] [--docs docs]`.

The pages in docs/reference/api/ are written by hand; what they say of a name comes from its docstring when
the site is built, by mkdocstrings. To add a name, write a section

    ## NAME

    ::: tutorial_lib.NAME

    **Taught in** [a chapter](../../chapters/4-residual-stream.md)

    (a block of Python that uses it)

on the page of its topic, run this tool, and `pytest --bake` on the page. A name that `tutorial_lib` does not
hand out is written with its module, as in `tutorial_lib.patching.logit_difference`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import griffe

from tools import ROOT
from tools.reference.anchors import anchor_of
from tools.reference.api_docstrings import SECTION, head
from tools.reference.generated import between, bring_up_to_date, parser

TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
BEGIN, END = "<!-- api index -->", "<!-- end of api index -->"
DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
# Of the pages in the overview; others follow.
ORDER = ("hooks", "reading", "editing", "positions", "directions", "maps", "collecting", "models")


@cache
def library() -> griffe.Object | griffe.Alias:
    """The library as its source says it is; nothing is imported."""
    return griffe.load("tutorial_lib", search_paths=[ROOT], docstring_parser="google", allow_inspection=False)


def find(name: str) -> griffe.Object:
    """The definition of a name, such as `tutorial_lib.add_hooks`."""
    found = library()[name.removeprefix("tutorial_lib.")]
    return found.final_target if isinstance(found, griffe.Alias) else found


def pages(api: Path) -> dict[str, str]:
    """The text of each page, by its name, in the order of the overview."""
    found = {path.stem: path.read_text(encoding="utf-8") for path in sorted(api.glob("*.md"))}
    return dict(sorted(found.items(), key=lambda item: (*ORDER, item[0]).index(item[0])))


def overview(texts: dict[str, str]) -> str:
    """A list for each page: its names and the first paragraphs of their docstrings."""
    parts = []
    for page, text in texts.items():
        lines = [
            f"- [`{name}`]({page}.md#{anchor_of(name)}): {_summary(find(path))}"
            for name, path in SECTION.findall(text)
        ]
        if lines:
            title = TITLE.search(text)
            parts.append(f"## {title[1] if title else page}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def with_source(text: str) -> str:
    """A page as plain Markdown: each name with its signature, docstring and members, as in the source."""
    return DIRECTIVE.sub(lambda match: "\n".join(["```python", *_stub(find(match[1])), "```"]), text)


def _stub(obj: griffe.Object) -> Iterator[str]:
    """A definition without its code."""
    yield head(obj)
    doc = _docstring(obj)
    start = obj.lineno or 0
    yield from obj.lines[(doc.lineno or 0) - start : (doc.endlineno or 0) - start + 1]
    for name, member in obj.members.items() if obj.is_class else ():
        if not isinstance(member, griffe.Object) or re.match(r"_[^_]", name):
            continue
        if member.docstring:
            yield from ["", "    @property"] if member.has_labels("property") else [""]
            yield from _stub(member)
        elif member.is_attribute and obj.has_labels("dataclass"):
            yield from member.lines


def _summary(obj: griffe.Object) -> str:
    return " ".join(_docstring(obj).value.split("\n\n")[0].split())


def _docstring(obj: griffe.Object) -> griffe.Docstring:
    assert obj.docstring, f"{obj.path} has no docstring"
    return obj.docstring


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    api = options.docs.resolve() / "reference" / "api"
    texts = pages(api)
    made = between(texts["index"], BEGIN, END, f"\n\n{overview(texts)}\n\n")
    return bring_up_to_date({api / "index.md": made}, (), options, tool="api_pages.py")


if __name__ == "__main__":
    sys.exit(main())
