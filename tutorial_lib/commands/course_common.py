"""What the instructors' commands and `submit` share: how they refuse, and how they count."""

import re
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

import typer
from rich.console import Console

P = ParamSpec("P")
T = TypeVar("T")


def told(command: Callable[P, T]) -> Callable[P, T]:
    """A command whose bad input is told in one line, with exit code 2, instead of a traceback."""

    @wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        from tutorial_lib.exercises.catalog import ExerciseError
        from tutorial_lib.exercises.course.errors import CourseError

        try:
            return command(*args, **kwargs)
        except (CourseError, ExerciseError, OSError) as error:
            Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
            raise typer.Exit(2) from error

    return wrapped


def split_names(text: str) -> list[str]:
    """The names in a text, which commas or spaces part."""
    return re.findall(r"[^\s,]+", text)


def counted(number: int, noun: str) -> str:
    """Such as "1 exercise" or "3 exercises"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
