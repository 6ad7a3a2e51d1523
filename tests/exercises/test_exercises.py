"""The gate: starters are not attempted, solutions pass, wrong answers are rejected for what is wrong."""

import functools
import re
from pathlib import Path

import pytest

from tests import ROOT
from tests.turns import by_turns
from tools.reference.anchors import HEADING, anchor_of
from tutorial_lib.checker import report
from tutorial_lib.checker.in_process import case_specs, check_source
from tutorial_lib.checker.report import Report
from tutorial_lib.exercises.catalog import Exercise, WrongAnswer, find_exercises, missing_files

DOCS = ROOT / "docs"
EXERCISES = find_exercises()
SEEDS = (1, 2)
# The tests of an exercise run in one process, where a report on an answer is made once.
TOGETHER = {name: pytest.mark.xdist_group(f"exercise {name}") for name in EXERCISES}
EACH = pytest.mark.parametrize(
    "exercise", [pytest.param(e, id=name, marks=TOGETHER[name]) for name, e in EXERCISES.items()]
)
WRONG = [
    pytest.param(e, wrong, id=f"{name}-{wrong.name}", marks=TOGETHER[name])
    for name, e in EXERCISES.items()
    for wrong in e.wrong
]


@functools.cache
def report_on(name: str, wrong: str, model: str) -> Report:
    """What the checks say of a wrong answer on one model."""
    exercise = EXERCISES[name]
    (source,) = [each.source for each in exercise.wrong if each.name == wrong]
    return check_source(exercise, source, case_specs(exercise, seed=1, models=(model,)))


@EACH
def test_an_exercise_is_whole(exercise: Exercise) -> None:
    assert missing_files(exercise) == []
    assert len(exercise.wrong) >= 3
    assert len(exercise.hints) >= 2
    assert "box" in exercise.models
    assert len(exercise.models) >= 3


def test_exercises_come_in_an_order_to_do_them_in() -> None:
    names = list(EXERCISES)
    assert [EXERCISES[name].topic for name in names] == sorted(EXERCISES[name].topic for name in names)
    for exercise in EXERCISES.values():
        for before in exercise.prerequisites:
            if EXERCISES[before].topic == exercise.topic:
                assert names.index(before) < names.index(exercise.name)


@EACH
def test_a_starter_is_not_attempted(exercise: Exercise) -> None:
    assert check_source(exercise, exercise.starter).outcome == report.NOT_ATTEMPTED


@EACH
def test_an_empty_file_and_a_syntax_error_are_told_apart(exercise: Exercise) -> None:
    assert check_source(exercise, "# soon\n").outcome == report.EMPTY
    assert check_source(exercise, "def f(:\n").outcome == report.SYNTAX_ERROR


@pytest.mark.parametrize("seed", by_turns(SEEDS, of=2))
@EACH
def test_a_solution_passes_on_every_model(exercise: Exercise, seed: int) -> None:
    found = check_source(exercise, exercise.solution, case_specs(exercise, seed=seed))
    assert found.outcome == report.PASSED, str(found)
    assert {result.model for result in found.results} == set(exercise.models)


@pytest.mark.parametrize(("exercise", "wrong"), WRONG)
def test_a_wrong_answer_is_rejected_with_its_own_message(exercise: Exercise, wrong: WrongAnswer) -> None:
    for model in exercise.models:
        found = report_on(exercise.name, wrong.name, model)
        if model in wrong.right_on:
            assert found.outcome == report.PASSED, f"{model}: {found}"
        else:
            assert found.misconception == wrong.name, f"{model}: {found}"
            assert found.first is not None
            assert found.first.expected, "says what would have been right"
            assert found.first.seen, "says what was there instead"


@EACH
def test_every_misconception_has_a_message_of_its_own(exercise: Exercise) -> None:
    messages = {}
    for wrong in exercise.wrong:
        # A report on all models has the message of the first one that rejects the answer.
        reports = [report_on(exercise.name, wrong.name, model) for model in exercise.models]
        message = next((found.message for found in reports if not found.passed), "")
        messages.setdefault(message, []).append(wrong.name)
    assert [names for names in messages.values() if len(names) > 1] == []


@EACH
def test_where_to_read_is_a_section_of_a_page(exercise: Exercise) -> None:
    code = exercise.read("checks.py")
    links = [*exercise.reading, *re.findall(r'see="([^"]+)"', code)]
    for link in links:
        page, _, anchor = link.partition("#")
        assert anchor in anchors(DOCS / page), f"{link} is no section"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings."""
    return {anchor_of(heading) for heading in HEADING.findall(page.read_text(encoding="utf-8"))}
