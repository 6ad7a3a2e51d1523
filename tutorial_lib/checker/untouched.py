"""Whether a function is the starter's still: a notebook has no file to compare, but the text of its cells."""

import ast
import inspect
import textwrap
from typing import Any

NAMED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def is_starter(answer: Any, starter: str, name: str) -> bool:
    """Whether a function, and what the starter defines beside it, are as the starter has them.

    Comments and layout do not count. Where the text of the function is not known, it is not the starter.

    Args:
        answer: of the student.
        starter: the text of the file.
        name: of the answer in it.
    """
    around = getattr(inspect.unwrap(answer), "__globals__", {})
    for part in ast.parse(starter).body:
        if isinstance(part, NAMED):
            defined = answer if part.name == name else around.get(part.name)
            if _tree(defined) != ast.dump(part):
                return False
        elif isinstance(part, ast.Assign) and isinstance(part.targets[0], ast.Name):
            try:
                if around.get(part.targets[0].id) != ast.literal_eval(part.value):
                    return False
            except ValueError:  # no plain value, such as a model: taken to be the same
                continue
    return True


def _tree(thing: Any) -> str:
    try:
        return ast.dump(ast.parse(textwrap.dedent(inspect.getsource(thing))).body[0])
    except (OSError, TypeError, SyntaxError, IndexError):
        return ""
