"""Which positions of a document are kept."""

import operator
from collections.abc import Sequence
from typing import Any, TypeAlias

from tutorial_lib.collect.errors import CollectError

Where: TypeAlias = str | int | Sequence[int] | slice


def check_where(positions: Any) -> Where:
    """Positions as `collect_residual_streams` takes them; "2", "1,2" and "-4:" are understood as well.

    Raises:
        CollectError: they are something else.
    """
    if isinstance(positions, str):
        return positions if positions in ("all", "last") else _read_positions(positions)
    try:
        if isinstance(positions, slice):
            range(0)[positions]  # whole numbers, and no step of 0
            return positions
        given = positions.tolist() if hasattr(positions, "tolist") else positions
        several = list(given) if isinstance(given, (list, tuple, range)) else [given]
        if not several or any(isinstance(each, bool) for each in several):
            raise _no_positions(positions)
        return [operator.index(each) for each in several]
    except (TypeError, ValueError):
        raise _no_positions(positions) from None


def _read_positions(text: str) -> Where:
    try:
        if ":" in text:
            return check_where(slice(*(int(part) if part.strip() else None for part in text.split(":"))))
        return [int(part) for part in text.split(",")]
    except (ValueError, TypeError):
        raise _no_positions(text) from None


def _no_positions(positions: Any) -> CollectError:
    return CollectError(
        'positions must be "all", "last", a whole number, several, or a slice such as "-4:", '
        f"got {positions!r}"
    )


def select_positions(positions: Where, length: int) -> list[int]:
    """The chosen positions of a document of `length` tokens, in order; those that it lacks are left out."""
    if positions == "all":
        return list(range(length))
    if isinstance(positions, slice):
        return sorted(range(length)[positions])
    listed = [-1] if positions == "last" else [positions] if isinstance(positions, int) else positions
    inside = {int(at) % length for at in listed if -length <= int(at) < length}
    return sorted(inside)


def rows_of_record(where: Where) -> int | None:
    """How many rows a document gives at most. None: as many as it has tokens."""
    if where == "all" or isinstance(where, slice):
        return None
    return 1 if where == "last" else len(where)  # type: ignore[arg-type]
