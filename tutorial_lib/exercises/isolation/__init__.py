"""Grade an answer that may be hostile: it runs in a process of its own, the judge in another."""

from tutorial_lib.exercises.isolation.grader import Grader
from tutorial_lib.exercises.isolation.limits import Limits, Protection

__all__ = ["Grader", "Limits", "Protection"]
