"""Exercises in a notebook: the checks of the command line, on a function that is there already."""

import inspect
from dataclasses import dataclass
from typing import Any

from tutorial_lib.checker.answer_file import in_words
from tutorial_lib.checker.report import NOT_ATTEMPTED, Report
from tutorial_lib.checker.untouched import is_starter
from tutorial_lib.exercises.catalog import Exercise, get_exercise


@dataclass(frozen=True)
class NotebookExercise:
    """An exercise to check an answer with."""

    exercise: Exercise

    def check(self, answer: Any, *, seed: int | None = None) -> Report:
        """Check an answer: what the task asks for, such as a function of an earlier cell.

        Args:
            answer: the function itself, not its name or its result.
            seed: of the inputs. None: a fresh one each time.

        Returns:
            The report; as the last line of a cell it is shown.

        Raises:
            TypeError: it is no function; the message says what to give instead.
        """
        _check_answer(answer, self.exercise)
        if is_starter(answer, self.exercise.starter, self.exercise.answer):
            message = in_words(NOT_ATTEMPTED, self.exercise.answer)
            return Report(self.exercise.name, NOT_ATTEMPTED, message)
        from tutorial_lib.checker.in_process import case_specs, check_object

        return check_object(self.exercise, answer, case_specs(self.exercise, seed=seed))

    def _repr_markdown_(self) -> str:
        """What a notebook shows: the task."""
        return self.exercise.task


def exercise(name: str) -> NotebookExercise:
    """An exercise by its name, such as `"03_residual/capture"`.

    Raises:
        ExerciseError: no such exercise; the message names close ones.
    """
    return NotebookExercise(get_exercise(name))


def _check_answer(answer: Any, exercise: Exercise) -> None:
    right = f"give the function itself: .check({exercise.answer})"
    if isinstance(answer, str):
        raise TypeError(f"check({answer!r}) got a text, not a function; {right}")
    if isinstance(answer, type):
        raise TypeError(f"check({answer.__name__}) got a class, not a function; {right}")
    if inspect.ismodule(answer):
        raise TypeError(f"check({answer.__name__}) got a module, not a function; {right}")
    if answer is None or not callable(answer):
        kind = "None" if answer is None else f"a {type(answer).__name__}"
        raise TypeError(
            f"check(...) got {kind}, not a function: is it the result of calling `{exercise.answer}`? {right}"
        )
