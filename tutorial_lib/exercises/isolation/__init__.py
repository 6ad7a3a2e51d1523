"""Grade an answer that may be hostile: it runs in a process of its own, the judge in another."""

from tutorial_lib.exercises.isolation.grader import Grader, Limits

__all__ = ["Grader", "Limits"]
