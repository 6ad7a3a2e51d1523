"""Collect the error and warning messages of the library from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tools import ROOT

GAP = "…"  # stands for a value in a message
# These carry no message for a reader: they end a command, or a forward pass.
SILENT = ("Exit", "SystemExit", "StopForward")


@dataclass(frozen=True)
class Message:
    """What an error or a warning says, with `…` for what differs from case to case.

    Attributes:
        kind: the class of the error or warning.
        text: the message. Values are gaps.
        file: the file that it comes from, below the root of the repository.
    """

    kind: str
    text: str
    file: str


def collect(files: Iterable[Path]) -> tuple[list[Message], list[str]]:
    """The messages in some files, and the places whose message cannot be read from the source."""
    found: dict[Message, None] = {}
    unread = []
    for path in files:
        name = path.relative_to(ROOT).as_posix()
        reader = Reader()
        reader.visit(ast.parse(path.read_text(encoding="utf-8")))
        for kind, text, line in reader.said:
            if kind in SILENT:
                continue
            if re.search(r"\w{3}", text):
                found[Message(kind, text, name)] = None
            else:
                unread.append(f"{name}:{line}: {kind}")
    return list(found), unread


def says(text: str, wanted: str) -> bool:
    """Whether a message has these words in it, or is what they are when its gaps are filled."""
    pattern = ".*?".join(re.escape(part) for part in text.split(GAP))
    return wanted in text or re.fullmatch(pattern, wanted) is not None


class Reader(ast.NodeVisitor):
    """Finds what a file raises and warns of. After `visit`, `said` has (class, text, line)."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, int]] = []
        self._around: list[ast.AST] = []  # the functions that a statement stands in
        self._returns: dict[str, ast.expr] = {}  # what a function of this file returns in its last line

    def visit_Module(self, node: ast.Module) -> None:
        for each in node.body:
            if (
                isinstance(each, ast.FunctionDef)
                and isinstance(each.body[-1], ast.Return)
                and each.body[-1].value
            ):
                self._returns[each.name] = each.body[-1].value
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._around.append(node)
        self.generic_visit(node)
        self._around.pop()

    def visit_Raise(self, node: ast.Raise) -> None:
        error = node.exc
        if isinstance(error, ast.Call):
            error = self._returns.get(ast.unparse(error.func), error)  # made by a function of this file
        if isinstance(error, ast.Call) and error.args:
            self._note(ast.unparse(error.func), error.args[0])
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if ast.unparse(node.func) == "warnings.warn":
            self._note(ast.unparse(node.args[1]) if len(node.args) > 1 else "UserWarning", node.args[0])
        self.generic_visit(node)

    def _note(self, kind: str, message: ast.expr) -> None:
        text = " ".join(self._text(message).split())
        text = re.sub(rf"{GAP}(?:\s*{GAP})+", GAP, text)  # gaps side by side are one
        self.said.append((kind.rpartition(".")[2], text, message.lineno))

    def _text(self, node: ast.expr) -> str:
        """A message with gaps. A name is looked up in the functions around it."""
        if isinstance(node, ast.Constant):
            return str(node.value)
        if isinstance(node, ast.JoinedStr):
            return "".join(self._text(part) for part in node.values)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return self._text(node.left) + self._text(node.right)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in self._returns:
            return self._text(self._returns[ast.unparse(node.func)])
        if isinstance(node, ast.Name) and self._around:
            for each in ast.walk(self._around[-1]):
                if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == node.id:
                    return (
                        self._text(each.value)
                        if isinstance(each.value, (ast.JoinedStr, ast.Constant))
                        else GAP
                    )
        return GAP
