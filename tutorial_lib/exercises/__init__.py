"""Exercises that check themselves: `exercise("03_residual/capture").check(answer)`, or `hooking start`."""

from tutorial_lib.exercises.notebook import exercise

__all__ = ["exercise"]
