"""What a `checks.py` is written with: the decorator, the error that names a misconception, comparisons.

A check gets the case and what was seen of the answer, and returns if all is well:

    @check("the stream is what the block receives", see="chapters/4-residual-stream.md#capture")
    def is_the_stream(case, seen):
        streams = the_streams(case)
        mistakes = {
            "takes_the_output": gives(streams[case.layer + 1], "you returned what the block returns"),
            "slices_the_batch": gives(streams[case.layer][0], "you returned the first row of the batch"),
        }
        diagnose(seen["stream"], streams[case.layer], mistakes)

A table of mistakes has a row for each misconception: what it gives, or when it shows, and what to tell the
student. A comparison is false for NaN, for a different shape and for what is not a tensor, so that no answer
passes by being strange.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from tutorial_lib.exercises.seen import describe

TOLERANCE = 1e-4
NOTHING = "None: is a `return` missing?"
_LEFT_OUT: Any = object()  # as None may well be what was seen


class Wrong(Exception):  # noqa: N818 - an answer that is wrong is no error of the program
    """The answer is wrong in a way that has a name.

    Args:
        misconception: an identifier, the same as the name of the file in `wrong/` that shows it.
        message: for the student, starting with what they did: "you edited every position, not the last".
        expected: what would have been right: a sentence, or a value to describe.
        seen: what was there instead. None is what a function without a `return` gives, and is shown as that;
            leave it out to show nothing.
        see: page and section that teach it. None: as the check says.
    """

    def __init__(
        self,
        misconception: str,
        message: str,
        *,
        expected: Any = None,
        seen: Any = _LEFT_OUT,
        see: str | None = None,
    ) -> None:
        super().__init__(message)
        self.misconception, self.message, self.see = misconception, message, see
        self.expected = None if expected is None else describe(expected)
        self.seen = None if seen is _LEFT_OUT else NOTHING if seen is None else describe(seen)


@dataclass(frozen=True)
class Check:
    """A check with its title, and where in the chapters to look when it fails."""

    title: str
    run: Callable[[Any, dict[str, Any]], None]
    see: str | None


def check(title: str, *, see: str | None = None) -> Callable[[Callable[[Any, dict[str, Any]], None]], Check]:
    """Make a function a check. Checks run in the order in which the file has them.

    Args:
        title: what must hold, as a sentence.
        see: page and section such as `"chapters/1-hook-basics.md#handles"`. None: the exercise's own.
    """

    def made(function: Callable[[Any, dict[str, Any]], None]) -> Check:
        return Check(title, function, see)

    return made


def is_close(seen: Any, wanted: torch.Tensor, tolerance: float = TOLERANCE) -> bool:
    """Whether something is a tensor of the same shape and, up to the tolerance, the same values.

    The tolerance is relative to the largest value that is wanted, but at least absolute.
    """
    if not isinstance(seen, torch.Tensor) or seen.shape != wanted.shape:
        return False
    difference = (seen.double().cpu() - wanted.double().cpu()).abs()
    if difference.numel() == 0:
        return True
    scale = max(1.0, float(wanted.abs().max()))
    return bool(difference.max() <= tolerance * scale)


def expect_tensor(seen: Any, what: str, shape: tuple[int, ...] | None = None) -> torch.Tensor:
    """That something is a tensor, of a shape; returns it.

    Raises:
        Wrong: "no_tensor", "wrong_shape" or "not_a_number".
    """
    wanted = "a tensor" + (f" of shape {list(shape)}" if shape is not None else "")
    if not isinstance(seen, torch.Tensor):
        raise Wrong("no_tensor", f"{what} is not a tensor", expected=wanted, seen=seen)
    if shape is not None and tuple(seen.shape) != tuple(shape):
        raise Wrong("wrong_shape", f"{what} has another shape", expected=wanted, seen=seen)
    if seen.is_floating_point() and bool(seen.isnan().any()):
        raise Wrong("not_a_number", f"{what} has values that are NaN", expected=wanted, seen=seen)
    return seen


def expect_close(seen: Any, wanted: torch.Tensor, what: str, tolerance: float = TOLERANCE) -> None:
    """That something is a tensor with these values.

    Raises:
        Wrong: as `expect_tensor`, or "other_values".
    """
    found = expect_tensor(seen, what, tuple(wanted.shape))
    if not is_close(found, wanted, tolerance):
        raise Wrong("other_values", f"{what} has other values", expected=wanted, seen=found)


def expect_same(seen: Any, wanted: Any, what: str) -> None:
    """That two tensors are equal bit for bit, or two plain values equal.

    Raises:
        Wrong: "not_the_same".
    """
    if isinstance(seen, torch.Tensor) and isinstance(wanted, torch.Tensor):
        same = seen.shape == wanted.shape and torch.equal(seen.cpu(), wanted.cpu())
    else:
        same = type(seen) is type(wanted) and not isinstance(seen, torch.Tensor) and seen == wanted
    if not same:
        raise Wrong("not_the_same", f"{what} is not the same", expected=wanted, seen=seen)


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
    expected: Any = _LEFT_OUT
    seen: Any = _LEFT_OUT
    see: str | None = None


Mistakes = Mapping[str, Mistake | str]


def gives(value: Any, message: str | Callable[[], str], **rest: Any) -> Mistake:
    """The row of a misconception that is known by what it gives.

    Args:
        value: what the answer is then: a tensor, a list or a dictionary of tensors, or something plain. Of a
            dictionary only the entries that stand here are compared. If the value costs a run of the model, a
            function without arguments that returns it: it is called only when a row is needed.
        message: for the student.
        rest: `expected`, `seen` and `see`, as for `Mistake`.
    """
    return Mistake(lambda found, tolerance: _same(found, _now(value), tolerance), message, **rest)


def when(holds: Any, message: str | Callable[[], str], **rest: Any) -> Mistake:
    """The row of a misconception that is known by something else than the value that is compared.

    Args:
        holds: whether it is this one, or a function without arguments that says so: it is called only when no
            row above fits.
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
    expected: Any = _LEFT_OUT,
    seen: Any = _LEFT_OUT,
) -> None:
    """That a value is the right one. If it is not, name the first misconception that explains it.

    Args:
        found: what was seen of the answer.
        wanted: the right value, of any kind that `gives` knows.
        mistakes: a row for each misconception, tried from top to bottom. A mere message always fits.
        what: names the value in the message for the student if no row fits.
        tolerance: as for `is_close`.
        expected, seen: for rows that have none of their own. If left out, `wanted` and `found`.

    Raises:
        Wrong: with the first row that fits, or as `expect_close` if none does.
    """
    if _same(found, wanted, tolerance):
        return
    expected = wanted if expected is _LEFT_OUT else expected
    rule_out(mistakes, found, tolerance=tolerance, expected=expected, seen=seen)
    if isinstance(wanted, torch.Tensor):
        expect_close(found, wanted, what, tolerance)
    raise Wrong("other_values", f"{what} has other values", expected=wanted, seen=found)


def rule_out(
    mistakes: Mistakes,
    found: Any = _LEFT_OUT,
    *,
    tolerance: float = TOLERANCE,
    expected: Any = _LEFT_OUT,
    seen: Any = _LEFT_OUT,
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
    """The first that is not left out."""
    return _now(next((value for value in values if value is not _LEFT_OUT), _LEFT_OUT))


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


def expect_no_hooks(hooks: list[str], misconception: str, message: str) -> None:
    """That no hook of the answer's is left on the model.

    Args:
        hooks: what `notes.hooks_on` says of the model after the call.
        misconception, message: as for `Wrong`, where one is left.

    Raises:
        Wrong: with these two.
    """
    if hooks:
        raise Wrong(misconception, message, expected="no hook on the model", seen="; ".join(hooks))


def expect_pairs(are_pairs: bool, form: str, hooks_at_once: list[str]) -> None:
    """That what was returned are (module, hook) pairs, and that no hook was registered.

    Args:
        are_pairs: whether `notes.as_pairs` can read it.
        form: what `notes.form_of` says of it.
        hooks_at_once: what `notes.hooks_on` says of the model after the call.

    Raises:
        Wrong: "registers_at_once", "one_bare_pair", "swapped_pair" or "no_pairs".
    """
    wanted = "[(module, hook)], and no hook on the model"
    if hooks_at_once:
        raise Wrong(
            "registers_at_once",
            "your function put the hook on the model itself; it must leave that to the caller",
            expected=wanted,
            seen="; ".join(hooks_at_once),
        )
    if are_pairs:
        return
    if form in ("(module, hook)", "[module, hook]"):
        raise Wrong(
            "one_bare_pair",
            "you returned one pair; asked is a list of pairs, also where there is only one",
            expected=wanted,
            seen=form,
        )
    if "(hook, module)" in form:
        raise Wrong(
            "swapped_pair",
            "your pair is the wrong way round: the module comes first, then its hook",
            expected=wanted,
            seen=form,
        )
    seen = None if form == "None" else form
    raise Wrong("no_pairs", "you did not return a list of pairs (module, hook)", expected=wanted, seen=seen)
