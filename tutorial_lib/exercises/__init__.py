"""Exercises that check themselves: `exercise("03_residual/capture").check(answer)`, or `hooking start`."""

from tutorial_lib.checker.notebook import exercise

__all__ = ["exercise"]
