"""The words of an exercise as its page and its notebook need them, which both lie two folders below docs/."""

import re

from tutorial_lib.exercises.catalog import Exercise


def topic_title(topic: str) -> str:
    """The folder of a topic in words: `"03_residual"` is "Residual"."""
    return topic.partition("_")[2].replace("_", " ").capitalize()


def task_below_title(exercise: Exercise) -> str:
    """The task without its title, which the page or notebook writes itself."""
    return linked(re.sub(r"\A# .*\n+", "", exercise.task)).strip()


def linked(text: str) -> str:
    """Links of a task or hint, which are written as from docs/, as links from two folders below it."""
    return re.sub(r"\]\((chapters|reference|exercises)/", r"](../../\1/", text)
