"""The marks that a page may put before a block, for example `<!--pytest.mark.raises(ValueError)-->`.

Marks are read, not executed: only the condition of a `skipif` is ever evaluated, with `os`, `sys`, `pytest`
and `torch` in reach. Reading a page therefore needs no torch and runs nothing of it.
"""

from __future__ import annotations

import ast
import os
import sys
from dataclasses import dataclass
from typing import Any

import pytest

DEVICES = ("cpu", "cuda")
FORMS = {
    "cpu": "pytest.mark.cpu",
    "cuda": "pytest.mark.cuda",
    "output_varies": 'pytest.mark.output_varies(reason="...")',
    "raises": "pytest.mark.raises(ValueError)",
    "skip": 'pytest.mark.skip(reason="...")',
    "skipif": 'pytest.mark.skipif(condition, reason="...")',
    "slow": "pytest.mark.slow",
}


class MarkError(ValueError):
    """A mark that is unknown or not written in its form."""


@dataclass(frozen=True)
class SkipIf:
    """A skip under a condition, which is kept as source until the block is collected for a run."""

    condition: str
    reason: str

    def holds(self) -> bool:
        names: dict[str, Any] = {"os": os, "sys": sys, "pytest": pytest}
        if "torch" in {n.id for n in ast.walk(ast.parse(self.condition)) if isinstance(n, ast.Name)}:
            import torch

            names["torch"] = torch
        return bool(eval(self.condition, {"__builtins__": {}}, names))


@dataclass(frozen=True)
class Marks:
    """What the marks before a block say; `slow` and the devices also select it with `-m`."""

    devices: tuple[str, ...] = DEVICES
    raises: str | None = None
    skip: str | None = None
    skipif: tuple[SkipIf, ...] = ()
    output_varies: str | None = None
    slow: bool = False

    def skip_reason(self) -> str | None:
        """Why the block is not run here, or None."""
        return self.skip or next((each.reason for each in self.skipif if each.holds()), None)


def read_marks(texts: list[str]) -> Marks:
    """Read marks such as `pytest.mark.skip(reason="...")`.

    Raises:
        MarkError: a mark is unknown, has no reason or other arguments than its form.
    """
    values: dict[str, Any] = {}
    for text in texts:
        name, args, options = _parse(text.strip("- "))
        form = MarkError(f"write the mark {name} as <!--{FORMS[name]}-->")
        if name in values and name != "skipif":
            raise MarkError(f"the mark {name} stands twice before the block")
        if name in ("cpu", "cuda", "slow"):
            if args or options:
                raise form
            values[name] = True
        elif name == "raises":
            if len(args) != 1 or options or not _is_dotted_name(args[0]):
                raise form
            values[name] = ast.unparse(args[0])
        else:
            if list(options) != ["reason"] or len(args) != (name == "skipif"):
                raise form
            reason = _reason(name, options["reason"])
            if name == "skipif":
                if isinstance(args[0], ast.Constant) and isinstance(args[0].value, str):
                    raise MarkError("write the condition of skipif as an expression, not as a string")
                values[name] = (*values.get(name, ()), SkipIf(ast.unparse(args[0]), reason))
            else:
                values[name] = reason
    chosen = tuple(device for device in DEVICES if values.pop(device, False))
    return Marks(devices=chosen or DEVICES, **values)


def _parse(text: str) -> tuple[str, list[ast.expr], dict[str | None, ast.expr]]:
    """The name and the arguments of `pytest.mark.NAME` or `pytest.mark.NAME(...)`."""
    try:
        node = ast.parse(text, mode="eval").body
    except SyntaxError:
        raise MarkError(f"this mark is not Python: {text}") from None
    args, options = [], {}
    if isinstance(node, ast.Call):
        args, options = node.args, {keyword.arg: keyword.value for keyword in node.keywords}
        node = node.func
    prefix, _, name = ast.unparse(node).rpartition(".")
    if prefix != "pytest.mark" or name not in FORMS:
        raise MarkError(f"unknown mark {text}; a page may use {', '.join(FORMS)}")
    return name, args, options


def _is_dotted_name(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_dotted_name(node.value))


def _reason(name: str, node: ast.expr) -> str:
    value = node.value if isinstance(node, ast.Constant) else None
    if not isinstance(value, str) or not value.strip():
        raise MarkError(f'the mark {name} needs a reason that a reader understands: reason="..."')
    return value.strip()
