"""Check an answer: run it on every model of the exercise, then judge what was seen, all in this process.

For a student's own loop there is a process that can be stopped (`local.py`); for grading one that cannot
reach the judge. Both are made of the same two halves.
"""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tutorial_lib.checker.case import CaseSpec
from tutorial_lib.checker.judging import judge, load_observe, observed_by
from tutorial_lib.checker.observing import GOES_ON, Observation, observe_object, observe_source
from tutorial_lib.checker.report import Report
from tutorial_lib.exercises.catalog import Exercise


def case_specs(
    exercise: Exercise,
    *,
    seed: int | None = None,
    variant: int | None = None,
    models: tuple[str, ...] | None = None,
    device: str = "cpu",
) -> list[CaseSpec]:
    """The cases that an exercise is checked on.

    Args:
        exercise: names the models.
        seed: of the inputs. None: a fresh one, so that no answer can know them.
        variant: see `CaseSpec`.
        models: others than the exercise's.
        device: where the models are.
    """
    chosen = secrets.randbelow(10**6) if seed is None else seed
    return [CaseSpec(model, chosen, variant, device) for model in models or exercise.models]


def check_source(
    exercise: Exercise,
    source: str,
    specs: list[CaseSpec] | None = None,
    filename: str = "answer.py",
    *,
    hidden: Path | None = None,
) -> Report:
    """Check the text of an answer's file, in this process: for answers that one trusts.

    Args:
        exercise: to check.
        source: text of the file.
        specs: cases. None: each model of the exercise, with a fresh seed.
        filename: for tracebacks.
        hidden: a folder with an instructor's hidden checks, to judge by these alone.
    """
    observe = load_observe(observed_by(exercise, hidden) if hidden else exercise.folder)

    def look(spec: CaseSpec) -> Observation:
        return observe_source(observe, source, exercise.starter, exercise.answer, spec, filename)

    return _check(exercise, look, specs, hidden)


def check_object(exercise: Exercise, answer: Any, specs: list[CaseSpec] | None = None) -> Report:
    """Check an answer that is there already, such as a function of a notebook."""
    observe = load_observe(exercise.folder)
    return _check(exercise, lambda spec: observe_object(observe, answer, spec), specs)


def _check(
    exercise: Exercise,
    look: Callable[[CaseSpec], Observation],
    specs: list[CaseSpec] | None,
    hidden: Path | None = None,
) -> Report:
    observed: list[tuple[CaseSpec, Observation]] = []
    for spec in case_specs(exercise) if specs is None else specs:
        seen = look(spec)
        observed.append((spec, seen))
        if seen.kind not in GOES_ON:
            break
    return judge(exercise, observed, folder=hidden, hidden=hidden is not None)
