"""Read the library's source without importing it: where a name is defined, its signature and docstring.

Annotations are shown as they are written. `inspect` would give `Positions` as the union that it stands for;
readers get the short name, and what it stands for in a line of its own.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from tools import ROOT

WIDTH = 76  # of a signature on one line
SECTION = re.compile(r"(Args|Attributes|Returns|Yields|Raises|Warns):$")
ENTRY = re.compile(r"(?P<names>[\w*.][^:]*?):(?:\s+(?P<text>.*))?$", re.DOTALL)
VALUE = re.compile(
    r"\s*\"[^\"]+\"(?:, \"[^\"]+\")*: "
)  # a line that says what one value of an argument means
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class SourceError(Exception):
    """The source has no such name, or a docstring is not as it should be."""


@dataclass(frozen=True)
class Doc:
    """A docstring: paragraphs, and sections with their entries.

    Attributes:
        text: what stands before the first section, without its indented snippets: examples on pages are run.
        sections: "Args" to (names, text) pairs and so on; the names of "Returns" and "Yields" are empty. A
            text is one line, and one more for each value that it explains.
    """

    text: str
    sections: dict[str, list[tuple[str, str]]]

    @property
    def summary(self) -> str:
        """The first paragraph in one line."""
        return " ".join(self.text.split("\n\n")[0].split())


@dataclass(frozen=True)
class Definition:
    """Where a name is defined."""

    name: str
    module: str
    node: ast.ClassDef | Function

    @property
    def path(self) -> str:
        """The file, from the root of the repository."""
        return _path(self.module).relative_to(ROOT).as_posix()

    @property
    def line(self) -> int:
        return self.node.lineno

    @property
    def doc(self) -> Doc:
        return read_doc(self.node, f"{self.path}: {self.name}")


def public_names() -> list[str]:
    """The names in `__all__` of `tutorial_lib/_api.py`."""
    for node in _tree("tutorial_lib._api").body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return sorted(ast.literal_eval(node.value), key=str.lower)
    raise SourceError("tutorial_lib/_api.py has no __all__")


def find(name: str) -> Definition:
    """The definition of a public name, or of `module.name` in any module.

    Raises:
        SourceError: there is none.
    """
    module, _, short = name.rpartition(".")
    where, node = _follow(module or "tutorial_lib._api", short)
    if not isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
        raise SourceError(f"{name} is no function and no class")
    return Definition(short, where, node)


def _follow(module: str, name: str) -> tuple[str, ast.stmt]:
    """The statement that defines a name, in this module or in one that it is imported from."""
    for node in _tree(module).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
            return module, node
        if isinstance(node, (ast.AnnAssign, ast.Assign)):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id == name:
                return module, node
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tutorial_lib"):
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return _follow(str(node.module), alias.name)
    raise SourceError(f"{module} has no {name}")


def signature(name: str, node: Function, width: int = WIDTH) -> str:
    """A call of a function or method, as its definition says it; `self` is left out.

    Args:
        name: to call it by.
        node: its definition.
        width: a longer one gets a line for each argument.
    """
    arguments = node.args
    shown: list[str] = []
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    for argument, default in zip(plain, [*defaults, *arguments.defaults], strict=True):
        if argument.arg not in ("self", "cls"):
            shown.append(_argument(argument, default))
    if arguments.vararg:
        shown.append("*" + _argument(arguments.vararg, None))
    elif arguments.kwonlyargs:
        shown.append("*")
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        shown.append(_argument(argument, default))
    if arguments.kwarg:
        shown.append("**" + _argument(arguments.kwarg, None))
    gives = f" -> {_annotation(node.returns)}" if node.returns and node.name != "__init__" else ""
    line = f"{name}({', '.join(shown)}){gives}"
    if len(line) <= width:
        return line
    return "\n".join([f"{name}(", *(f"    {each}," for each in shown), f"){gives}"])


def aliases(module: str, node: Function) -> dict[str, str]:
    """The short names of types in a signature, and what they stand for."""
    every = node.args
    arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs, every.vararg, every.kwarg]
    annotations = [each.annotation for each in arguments if each] + [node.returns]
    names = [
        inner.id
        for annotation in annotations
        if annotation is not None
        for inner in ast.walk(annotation)
        if isinstance(inner, ast.Name)
    ]
    found: dict[str, str] = {}
    for name in names:  # grows: a short name may stand for another one
        if name in found:
            continue
        try:
            _, statement = _follow(module, name)
        except SourceError:
            continue  # of Python or another library
        value = statement.value if isinstance(statement, (ast.AnnAssign, ast.Assign)) else None
        if value is not None and not isinstance(value, ast.Call):  # a call makes a TypeVar
            found[name] = ast.unparse(value).replace("'", '"')
            names += [inner.id for inner in ast.walk(value) if isinstance(inner, ast.Name)]
    return found


def members(node: ast.ClassDef) -> Iterator[tuple[str, Function]]:
    """The methods and properties of a class that have a docstring and are no constructor."""
    for each in node.body:
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) and ast.get_docstring(each):
            special = each.name in ("__getitem__",)
            if special or not each.name.startswith("_"):
                yield each.name, each


def is_property(node: Function) -> bool:
    return any(ast.unparse(each) == "property" for each in node.decorator_list)


def read_doc(node: ast.ClassDef | Function, where: str) -> Doc:
    """A docstring in parts.

    Raises:
        SourceError: there is none, or a line that should be an entry is not.
    """
    raw = ast.get_docstring(node)
    if not raw:
        raise SourceError(f"{where} has no docstring")
    lines = inspect.cleandoc(raw).split("\n")
    if SECTION.match(lines[0]):
        lines.insert(0, "")
    text: list[str] = []
    sections: dict[str, list[str]] = {}
    into = text
    for line in lines:
        if opening := SECTION.match(line):
            into = sections.setdefault(opening[1], [])
        elif into is not text and line and not line.startswith(" "):
            raise SourceError(f"{where}: {line!r} stands after a section, where no text belongs")
        elif into is not text or not line.startswith("    "):
            into.append(line)
    told = re.sub(r"\n{3,}", "\n\n", "\n".join(text)).strip()
    return Doc(told, {name: _entries(name, body, where) for name, body in sections.items()})


def _entries(section: str, lines: list[str], where: str) -> list[tuple[str, str]]:
    body = inspect.cleandoc("\n".join(["", *lines]))
    if section in ("Returns", "Yields"):
        return [("", " ".join(body.split()))]
    entries: list[list[str]] = []
    for line in body.split("\n"):
        if line and not line.startswith(" "):
            entries.append([])
        if line:
            entries[-1].append(line)
    found = []
    for entry in entries:
        joined = entry[0]
        for line in entry[1:]:
            joined += ("\n" if VALUE.match(line) else " ") + line.strip()
        parts = ENTRY.match(joined)
        if not parts:
            raise SourceError(f"{where}: {entry[0]!r} under {section} is not `name: text`")
        found.append((parts["names"], parts["text"] or ""))
    return found


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    typed = f"{argument.arg}: {_annotation(argument.annotation)}" if argument.annotation else argument.arg
    if default is None:
        return typed
    value = ast.unparse(default)
    value = '"' + value[1:-1] + '"' if value.startswith("'") and '"' not in value else value
    return f"{typed} = {value}" if argument.annotation else f"{typed}={value}"


def _annotation(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value  # quoted because it is defined further down
    return ast.unparse(node).replace("'", '"') if node else ""


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_path(module).read_text(encoding="utf-8"))


def _path(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
