"""Gradescope's `results.json`, one a student: what an autograder leaves in `/autograder/results/`.

The format is at https://gradescope-autograders.readthedocs.io/en/latest/specs/. Hidden checks are tests
without points that Gradescope never shows; what they expect is left out even so.
"""

from typing import Any

from tutorial_lib.checker.report import CheckResult, model_name
from tutorial_lib.course.results import GradedAnswer, GradedStudent


def gradescope(graded: GradedStudent) -> dict[str, Any]:
    """The content of a student's `results.json`."""
    return {
        "score": graded.score,
        "output": f"{graded.score} of {graded.max_score} points",
        "output_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [test for answer in graded.answers for test in _tests(answer)],
    }


def _tests(answer: GradedAnswer) -> list[dict[str, Any]]:
    report = answer.for_student
    whole = {
        "name": f"{answer.exercise.name}: {answer.exercise.title}",
        "score": answer.score,
        "max_score": answer.exercise.points,
        "status": "passed" if report.passed else "failed",
        "output": str(report) if not report.passed else f"{report.outcome}",
        "visibility": "visible",
    }
    return [whole, *(_hidden(answer, result) for result in report.results if result.hidden)]


def _hidden(answer: GradedAnswer, result: CheckResult) -> dict[str, Any]:
    return {
        "name": f"{answer.exercise.name}: {result.title}, on {model_name(result.model)}",
        "status": "passed" if result.passed else "failed",
        "output": "",
        "visibility": "hidden",
    }
