"""Exercises in a notebook: the checks of the command line, on a function that is there already."""

from dataclasses import dataclass
from typing import Any

from tutorial_lib.exercises.catalog import Exercise, get_exercise
from tutorial_lib.exercises.report import Report


@dataclass(frozen=True)
class NotebookExercise:
    """An exercise to check an answer with."""

    exercise: Exercise

    def check(self, answer: Any, *, seed: int | None = None) -> Report:
        """Check an answer: what the task asks for, such as a function of an earlier cell.

        Args:
            answer: the object itself, not its name or its result.
            seed: of the inputs. None: a fresh one each time.

        Returns:
            The report; as the last line of a cell it is shown.
        """
        from tutorial_lib.exercises.engine import case_specs, check_object

        return check_object(self.exercise, answer, case_specs(self.exercise, seed=seed))


def exercise(name: str) -> NotebookExercise:
    """An exercise by its name, such as `"03_residual/capture"`.

    Raises:
        ExerciseError: no such exercise; the message names close ones.
    """
    return NotebookExercise(get_exercise(name))
