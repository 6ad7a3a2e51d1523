"""The CSV that `nbgrader export` writes (nbgrader 0.9): a row an assignment and student.

An exercise is an assignment. No penalty for lateness is computed; the due date is what `course.toml` says.
"""

import csv
import io

from tutorial_lib.course.results import Grades

COLUMNS = (
    "assignment",
    "duedate",
    "timestamp",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "raw_score",
    "late_submission_penalty",
    "score",
    "max_score",
)


def nbgrader_csv(grades: Grades) -> str:
    """The content of `nbgrader.csv`."""
    text = io.StringIO()
    rows = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    rows.writeheader()
    for index, exercise in enumerate(grades.exercises):
        for graded in grades.students:
            student, submission = graded.student, graded.submission
            score = float(graded.answers[index].score)
            rows.writerow(
                {
                    "assignment": exercise.name,
                    "duedate": _time(grades.due),
                    "timestamp": _time(submission.time) if submission else "",
                    "student_id": student.id,
                    "last_name": student.last_name,
                    "first_name": student.first_name,
                    "email": student.email,
                    "raw_score": score,
                    "late_submission_penalty": 0.0,
                    "score": score,
                    "max_score": float(exercise.points),
                }
            )
    return text.getvalue()


def _time(iso: str) -> str:
    """As nbgrader writes a time: UTC, without a mark for it."""
    return iso.replace("T", " ").removesuffix("Z")
