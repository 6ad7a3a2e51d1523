"""What the reference of names makes of docstrings: an extension of Griffe, named in mkdocs.yml.

- A name in backticks leads to its section.
- Snippets are left out: each section has an example of its own, which is run.
- A short name for a type in a signature, such as `Positions`, is said to stand for what it is.

Griffe loads it by its path, in environments that have no other part of `tools`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import griffe

API = Path(__file__).resolve().parents[2] / "docs" / "reference" / "api"
SECTION = re.compile(r"^## (?P<heading>\w+)\n\n::: (?P<name>[\w.]+)$", re.MULTILINE)
SNIPPET = re.compile(r"^ {4}.*\n?", re.MULTILINE)
CODE = re.compile(r"(?<!\[)`([A-Za-z_]\w*)`")


def documented(api: Path = API) -> dict[str, str]:
    """The names that have a section, by heading, and where Griffe finds them."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(api.glob("*.md"))]
    return {match["heading"]: match["name"] for page in pages for match in SECTION.finditer(page)}


def head(obj: griffe.Object) -> str:
    """A definition as it stands in the source, down to its docstring."""
    end = obj.docstring.lineno if obj.docstring and obj.docstring.lineno else obj.endlineno
    return "\n".join(obj.lines[: (end or 0) - (obj.lineno or 0)])


def short_types(function: griffe.Function) -> dict[str, str]:
    """The names in a signature that stand for a type, and the type."""
    waiting = [*(each.annotation for each in function.parameters), function.returns]
    found: dict[str, str] = {}
    for annotation in waiting:  # grows: a short name may stand for another one
        for name in _names(annotation):
            try:
                meant = function.modules_collection.get_member(name.canonical_path)
            except (KeyError, griffe.GriffeError):
                continue  # of Python or another library
            if meant.is_attribute and not isinstance(meant.value, griffe.ExprCall) and name.name not in found:
                found[name.name] = str(meant.value).replace("'", '"')
                waiting.append(meant.value)
    return found


def _names(annotation: str | griffe.Expr | None) -> Iterator[griffe.ExprName]:
    if isinstance(annotation, griffe.Expr):
        yield from (each for each in annotation.iterate(flat=True) if isinstance(each, griffe.ExprName))


class ApiDocstrings(griffe.Extension):
    """Changes each docstring and keeps what the templates of docs/_theme show besides."""

    def __init__(self) -> None:
        self.places = documented()

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        if obj.docstring is None:
            return
        text, *sections = re.split(r"^(?=[A-Z]\w+:$)", obj.docstring.value, maxsplit=1, flags=re.MULTILINE)
        value = "".join([SNIPPET.sub("", text), *sections])
        obj.extra["api"]["head"] = head(obj)
        obj.docstring.value = CODE.sub(lambda match: self._link(match, obj.name), value)

    def on_function(self, *, func: griffe.Function, **_: Any) -> None:
        func.extra["api"]["types"] = short_types(func) if func.docstring else {}

    def _link(self, match: re.Match[str], here: str) -> str:
        place = self.places.get(match[1])
        return f"[{match[0]}][{place}]" if place and match[1] != here else match[0]
