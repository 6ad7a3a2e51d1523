"""Judge what was seen of an answer. Nothing of the answer runs here, and none of its objects comes here."""

import importlib.util
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from tutorial_lib.checker import report
from tutorial_lib.checker.answer_file import Crash, in_words
from tutorial_lib.checker.case import Case, CaseSpec
from tutorial_lib.checker.observing import SEEN, Observation
from tutorial_lib.checker.report import CheckResult, Report
from tutorial_lib.exercises.catalog import Exercise, ExerciseError
from tutorial_lib.exercises.checking import Check, Wrong
from tutorial_lib.exercises.mistakes import Mistakes, rule_out

Explain = Callable[[Case, Crash], Mistakes | None]


def load_module(path: Path) -> ModuleType:
    """The module in a file of an exercise."""
    spec = importlib.util.spec_from_file_location(f"exercise_{path.parent.name}_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ExerciseError(f"{path} does not exist")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # of any class: the file is an author's
        line = getattr(error, "lineno", None) or traceback.extract_tb(error.__traceback__)[-1].lineno
        raise ExerciseError(f"{path}: {type(error).__name__}: {error} (line {line})") from error
    return module


def load_observe(folder: Path) -> Callable[..., Any]:
    """The function `observe(answer, case)` of `observe.py`.

    Raises:
        ExerciseError: there is none.
    """
    observe = getattr(load_module(folder / "observe.py"), "observe", None)
    if not callable(observe):
        raise ExerciseError(f"{folder / 'observe.py'} must define observe(answer, case)")
    return observe  # type: ignore[no-any-return]


def observed_by(exercise: Exercise, hidden: Path) -> Path:
    """The folder whose `observe.py` looks for hidden checks: theirs if they bring one."""
    return hidden if (hidden / "observe.py").is_file() else exercise.folder


def load_checks(folder: Path) -> tuple[list[Check], Explain | None]:
    """The checks of `checks.py` in the order of the file, and its `explain_crash`, where it has one."""
    module = load_module(folder / "checks.py")
    checks = [value for value in vars(module).values() if isinstance(value, Check)]
    return checks, getattr(module, "explain_crash", None)


def judge(
    exercise: Exercise,
    observed: Sequence[tuple[CaseSpec, Observation]],
    *,
    folder: Path | None = None,
    hidden: bool = False,
) -> Report:
    """The report on what was seen of an answer.

    Args:
        exercise: of which the checks are.
        observed: each case, and what was seen on it.
        folder: with another `checks.py`, such as an instructor's hidden one. None: the exercise's own.
        hidden: whether the results are not for the student's eyes.
    """
    checks, explain = load_checks(folder or exercise.folder)
    results: list[CheckResult] = []
    printed = ""
    for spec, observation in observed:
        printed = printed or observation.printed
        if observation.kind == SEEN:
            results += _judge_case(exercise, checks, spec, observation, hidden)
            continue
        if not all(result.passed for result in results):
            break
        explained = _explained(exercise, explain, spec, observation, hidden)
        if explained is None:
            kind = observation.kind
            message = in_words(kind, exercise.answer, observation.crash, spec.model, exercise.name)
            see = exercise.chapter if kind == report.CRASHED else None
            return Report(
                exercise.name, kind, message, None, tuple(results), observation.printed, spec.seed, see
            )
        results.append(explained)
    first = next((result for result in results if not result.passed), None)
    seed = observed[0][0].seed if observed else 0
    if not results:
        message = "No check has run, so nothing is known about the answer. This is a fault of the exercise."
        return Report(exercise.name, report.NO_CHECKS, message, printed=printed, seed=seed)
    if first is None:
        return Report(exercise.name, report.PASSED, "", None, tuple(results), printed, seed)
    return Report(
        exercise.name, report.FAILED, first.message or first.title, first, tuple(results), printed, seed
    )


def _judge_case(
    exercise: Exercise, checks: list[Check], spec: CaseSpec, observation: Observation, hidden: bool
) -> list[CheckResult]:
    """The results on one case, up to the first check that fails: later ones often fail of the same cause."""
    case, results = Case(spec), []
    for check in checks:
        result = _run(check, lambda check=check: check.run(case, observation.seen), exercise, spec, hidden)  # type: ignore[misc]
        results.append(result)
        if not result.passed:
            break
    return results


def _run(
    check: Check, run: Callable[[], None], exercise: Exercise, spec: CaseSpec, hidden: bool
) -> CheckResult:
    see = check.see or exercise.chapter
    try:
        run()
    except Wrong as wrong:
        return CheckResult(
            check.title,
            spec.model,
            False,
            wrong.misconception,
            wrong.message,
            wrong.expected,
            wrong.seen,
            wrong.see or see,
            hidden,
        )
    except Exception as error:  # of any class: the check met a value that it did not expect
        message = f"what your answer gave cannot be checked ({type(error).__name__}: {error})"
        return CheckResult(check.title, spec.model, False, "unexpected", message, see=see, hidden=hidden)
    return CheckResult(check.title, spec.model, True, hidden=hidden)


def _explained(
    exercise: Exercise, explain: Explain | None, spec: CaseSpec, observation: Observation, hidden: bool
) -> CheckResult | None:
    """The misconception behind a crash, where the exercise knows it."""
    crash = observation.crash
    if observation.kind != report.CRASHED or crash is None or explain is None:
        return None

    def run() -> None:
        rule_out(explain(Case(spec), crash) or {}, seen=crash.text)

    result = _run(Check("the code runs", lambda case, seen: run(), None), run, exercise, spec, hidden)
    return None if result.passed or result.misconception == "unexpected" else result
