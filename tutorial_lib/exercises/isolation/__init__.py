"""Grade an answer that may be hostile: it runs in a process of its own, the judge in another."""

from typing import TYPE_CHECKING, Any

from tutorial_lib.exercises.isolation.limits import Limits, Protection
from tutorial_lib.exercises.isolation.probe import protections

if TYPE_CHECKING:
    from tutorial_lib.exercises.isolation.grader import Grader

__all__ = ["Grader", "Limits", "Protection", "protections"]


def __getattr__(name: str) -> Any:
    """`Grader`, which needs torch: asking for the layers should not wait for it."""
    if name != "Grader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tutorial_lib.exercises.isolation.grader import Grader

    return Grader
