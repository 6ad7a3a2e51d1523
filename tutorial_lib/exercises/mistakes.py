"""Tables of mistakes for a `checks.py`: which misconception gives what, and what to tell the student.

    @check("the stream is what the block receives", see="chapters/4-residual-stream.md#capture")
    def is_the_stream(case, seen):
        streams = case.streams(case.ids())
        mistakes = {
            "takes_the_output": gives(streams[case.layer + 1], "you returned what the block returns"),
            "slices_the_batch": gives(streams[case.layer][0], "you returned the first row of the batch"),
        }
        diagnose(seen["stream"], streams[case.layer], mistakes)

Each row has the name of a misconception, as has the file in `wrong/` that shows it. `gives` and `when` make
rows. The student is told what the first row that fits says.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from tutorial_lib.exercises.checking import LEFT_OUT, TOLERANCE, Wrong, expect_close, is_close


@dataclass(frozen=True)
class Mistake:
    """A row of a table: how a misconception shows, and what to tell the student. `gives` and `when` make it.

    Attributes:
        fits: takes what was seen and a tolerance; returns whether this is the misconception.
        message: as for `Wrong`, or a function without arguments that returns it.
        expected, seen: as for `Wrong`, or a function without arguments that returns it. If left out, what the
            table says.
        see: page and section that teach it; as the check says if None.
    """

    fits: Callable[[Any, float], bool]
    message: str | Callable[[], str]
    expected: Any = LEFT_OUT
    seen: Any = LEFT_OUT
    see: str | None = None


Mistakes = Mapping[str, Mistake | str]


def gives(value: Any, message: str | Callable[[], str], **rest: Any) -> Mistake:
    """The row of a misconception that you recognize by the value it gives.

    Args:
        value: what the answer is then: a tensor, a list or a dictionary of tensors, or something plain. Only
            the entries of this dictionary are compared, the answer may have more. If the value costs a run of
            the model, pass a function without arguments that returns it: it is called only if the answer is
            not right and no row above fits.
        message: for the student.
        rest: `expected`, `seen` and `see`, as for `Mistake`.
    """
    return Mistake(lambda found, tolerance: _same(found, _now(value), tolerance), message, **rest)


def when(holds: Any, message: str | Callable[[], str], **rest: Any) -> Mistake:
    """The row of a misconception that you recognize by a condition.

    Args:
        holds: the condition, or a function without arguments that returns it: it is called only if no row
            above fits.
        message: for the student.
        rest: `expected`, `seen` and `see`, as for `Mistake`.
    """
    return Mistake(lambda found, tolerance: bool(_now(holds)), message, **rest)


def diagnose(
    found: Any,
    wanted: Any,
    mistakes: Mistakes,
    what: str = "what you returned",
    *,
    tolerance: float = TOLERANCE,
    expected: Any = LEFT_OUT,
    seen: Any = LEFT_OUT,
) -> None:
    """That a value is the right one. If it is not, name the first misconception that explains it.

    Args:
        found: what was seen of the answer.
        wanted: the right value, of any kind that `gives` knows.
        mistakes: a row for each misconception, tried from top to bottom. A message alone always fits.
        what: names the value in the message for the student if no row fits.
        tolerance: as for `is_close`.
        expected, seen: for rows that have none of their own. If left out, `wanted` and `found`.

    Raises:
        Wrong: with the first row that fits, or as `expect_close` if none does.
    """
    if _same(found, wanted, tolerance):
        return
    expected = wanted if expected is LEFT_OUT else expected
    rule_out(mistakes, found, tolerance=tolerance, expected=expected, seen=seen)
    if isinstance(wanted, torch.Tensor):
        expect_close(found, wanted, what, tolerance)
    raise Wrong("other_values", f"{what} has other values", expected=wanted, seen=found)


def rule_out(
    mistakes: Mistakes,
    found: Any = LEFT_OUT,
    *,
    tolerance: float = TOLERANCE,
    expected: Any = LEFT_OUT,
    seen: Any = LEFT_OUT,
) -> None:
    """That no misconception shows.

    Args:
        mistakes: the rows, as for `diagnose`.
        found: what the rows made by `gives` are compared with.
        tolerance, expected, seen: as for `diagnose`.

    Raises:
        Wrong: with the first row that fits.
    """
    for name, entry in mistakes.items():
        row = when(True, entry) if isinstance(entry, str) else entry
        if row.fits(found, tolerance):
            raise Wrong(
                name,
                _now(row.message),
                expected=_first(row.expected, expected, None),
                seen=_first(row.seen, seen, found),
                see=row.see,
            )


def _first(*values: Any) -> Any:
    """The first of the values that is not left out, or what the function in its place returns."""
    return _now(next((value for value in values if value is not LEFT_OUT), LEFT_OUT))


def _now(value: Any) -> Any:
    """A value, or what the function in its place returns."""
    return value() if callable(value) else value


def _same(found: Any, wanted: Any, tolerance: float) -> bool:
    """As `is_close`, also for what holds tensors; something plain must be equal and of the same type."""
    if isinstance(wanted, torch.Tensor):
        return is_close(found, wanted, tolerance)
    if type(found) is not type(wanted):
        return False
    if isinstance(wanted, dict):
        return all(_same(found.get(key), part, tolerance) for key, part in wanted.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(
            _same(one, other, tolerance) for one, other in zip(found, wanted, strict=True)
        )
    return bool(found == wanted)
