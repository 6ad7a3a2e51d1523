"""`result.json` for Classroom 50, and the result that GitHub Classroom's reporter reads.

Classroom 50 (github.com/foundation50/classroom50) has the schema `classroom50/result/v1`: every field below
is required there, points are whole numbers, and nothing else may stand beside them. Its runner says in
environment variables which repository and commit is graded; where they are missing, as in grading at home,
links say the hash of the files instead.

GitHub Classroom's reporter (github.com/classroom-resources/autograding-grading-reporter) takes one result a
runner, base64 of `{"version", "status", "max_score", "tests": [{"name", "status", "score", "message",
...}]}`. It adds up the scores of the tests.
"""

from collections.abc import Mapping
from typing import Any

from tutorial_lib.course.results import GradedAnswer, GradedStudent, Grades

SCHEMA = "classroom50/result/v1"


def classroom50(graded: GradedStudent, grades: Grades, env: Mapping[str, str]) -> dict[str, Any]:
    """The content of a student's `result.json`.

    Args:
        graded: the student.
        grades: of which course.
        env: the environment, with Classroom 50's variables where its runner grades.
    """
    sha256 = graded.submission.sha256 if graded.submission else "0" * 64
    time = (graded.submission.time if graded.submission else "") or grades.graded_at or "1970-01-01T00:00:00Z"
    link = f"urn:sha256:{sha256}"
    tag = f"submit/{time.replace(':', '').replace('-', '')}-{sha256[:7]}"
    commit = env.get("COMMIT_URL") or link
    return {
        "schema": SCHEMA,
        "classroom": env.get("CLASSROOM") or grades.course,
        "assignment": env.get("ASSIGNMENT") or grades.course,
        "assignment_type": env.get("ASSIGNMENT_TYPE") or "individual",
        "owner": env.get("OWNER") or graded.student.github or graded.student.id,
        "submission": env.get("SUBMISSION_TAG") or tag,
        "commit": commit,
        "release": env.get("RELEASE_URL") or link,
        "review": env.get("REVIEW_URL") or commit,
        "datetime": time,
        "score": graded.score,
        "max-score": graded.max_score,
        "tests": [
            {
                "test-name": answer.exercise.name,
                "passed": answer.report.passed,
                "score": answer.score,
                "max-score": answer.exercise.points,
                "message": _message(answer),
            }
            for answer in graded.answers
        ],
    }


def github_classroom(graded: GradedStudent) -> dict[str, Any]:
    """A student's result for GitHub Classroom's reporter."""
    return {
        "version": 1,
        "status": "pass" if graded.score == graded.max_score else "fail",
        "max_score": graded.max_score,
        "tests": [
            {
                "name": answer.exercise.name,
                "status": "pass" if answer.report.passed else "fail",
                "score": answer.score,
                "message": _message(answer),
                "test_code": f"hooking check {answer.exercise.name}",
                "filename": f"{answer.exercise.name}.py",
                "line_no": 0,
                "duration": round(answer.seconds * 1000),
            }
            for answer in graded.answers
        ],
    }


def _message(answer: GradedAnswer) -> str:
    return "" if answer.report.passed else str(answer.for_student)
