"""Which files a module depends on: its imports, read from the source, as far as they lie beside it."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path


def sources_of(modules: Iterable[str], root: Path) -> list[Path]:
    """The files of some modules and of all that they import, in order.

    Args:
        modules: dotted names, such as "tutorial_lib.checker.judging".
        root: the folder that the names start from. What is not below it is not followed.

    Raises:
        FileNotFoundError: one of `modules` is not there.
    """
    found: set[Path] = set()
    waiting = list(modules)
    for name in waiting:
        if not _files(name, root):
            raise FileNotFoundError(f"there is no module {name} below {root.name}/")
    while waiting:
        for file in _files(waiting.pop(), root):
            if file not in found:
                found.add(file)
                waiting += imported(file)
    return sorted(found)


def imported(file: Path) -> Iterator[str]:
    """Every dotted name that a file imports, wherever in it, but for types alone (`if TYPE_CHECKING`)."""
    waiting: list[ast.AST] = [ast.parse(file.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            waiting += node.orelse
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            waiting += ast.iter_child_nodes(node)


def _files(name: str, root: Path) -> list[Path]:
    """What importing a name runs: the packages on the way, and the module; a name in it is no file."""
    parts = name.split(".")
    places = [root.joinpath(*parts[: n + 1]) for n in range(len(parts))]
    candidates = [file for place in places for file in (place / "__init__.py", place.with_suffix(".py"))]
    return [file for file in candidates if file.is_file()]
