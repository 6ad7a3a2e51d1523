"""What a `checks.py` is written with: the decorator, the error that names a misconception, comparisons.

A check gets the case and what was seen of the answer, and returns if all is well:

    @check("the stream is what the block receives", see="chapters/4-residual-stream.md#capture")
    def is_the_stream(case, seen):
        expect_close(seen["stream"], the_stream(case), "what you returned")

A comparison is false for NaN, for a different shape and for what is not a tensor, so that no answer passes by
being strange. `mistakes.py` has the tables that name what a student got wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from tutorial_lib.exercises.seen import describe

TOLERANCE = 1e-4
NOTHING = "None: is a `return` missing?"
LEFT_OUT: Any = object()  # as None may well be what was seen


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
        seen: Any = LEFT_OUT,
        see: str | None = None,
    ) -> None:
        super().__init__(message)
        self.misconception, self.message, self.see = misconception, message, see
        self.expected = None if expected is None else describe(expected)
        self.seen = None if seen is LEFT_OUT else NOTHING if seen is None else describe(seen)


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
