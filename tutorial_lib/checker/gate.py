"""Whether an exercise is fit for students: starter, solution and wrong answers come out as they must.

`tests/exercises/test_exercises.py` asks the same of the exercises of this package, one by one.
"""

from collections.abc import Iterator
from pathlib import Path

from tutorial_lib.checker import report
from tutorial_lib.checker.in_process import case_specs, check_source
from tutorial_lib.exercises.catalog import Exercise, missing_files

WRONG_ANSWERS = 3


def faults(exercise: Exercise, *, hidden: Path | None = None, seed: int | None = None) -> Iterator[str]:
    """What is wrong with an exercise, a sentence each; nothing where it is fit.

    Args:
        exercise: to look at.
        hidden: a folder with hidden checks, which the solution must pass too.
        seed: of the inputs. None: a fresh one.
    """
    if missing := missing_files(exercise):
        yield f"its folder lacks {', '.join(missing)}"
        return
    if len(exercise.wrong) < WRONG_ANSWERS:
        yield f"it has {len(exercise.wrong)} wrong answers; {WRONG_ANSWERS} or more show that checks can fail"
    specs = case_specs(exercise, seed=seed)
    found = check_source(exercise, exercise.starter, specs)
    if found.outcome != report.NOT_ATTEMPTED:
        yield f"its starter is {found.outcome}, and must be {report.NOT_ATTEMPTED}"
    found = check_source(exercise, exercise.solution, specs)
    if not found.passed:
        yield f"its solution does not pass:\n{found}"
    elif hidden is not None:
        found = check_source(exercise, exercise.solution, specs, hidden=hidden)
        if not found.passed:
            yield f"its solution does not pass the hidden checks:\n{found}"
    for wrong in exercise.wrong:
        for spec in specs:
            found = check_source(exercise, wrong.source, [spec])
            if spec.model in wrong.right_on:
                if not found.passed:
                    yield f"wrong/{wrong.name}.py says to be right on {spec.model}, and is not:\n{found}"
            elif found.passed:
                yield f"wrong/{wrong.name}.py passes on {spec.model}"
            elif found.misconception != wrong.name:
                name = found.misconception or found.outcome
                yield f"wrong/{wrong.name}.py is taken for {name!r} on {spec.model}:\n{found}"
