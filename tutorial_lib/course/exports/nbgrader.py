"""A course folder for nbgrader 0.9: an assignment with a notebook an exercise.

nbgrader generate_assignment NAME
nbgrader autograde NAME
nbgrader export
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tutorial_lib.course.exports.cells import (
    Cell,
    cell,
    check_code,
    copy_own,
    identifier,
    new_folder,
    write_notebook,
)
from tutorial_lib.exercises.catalog import Exercise

_CONFIG = """\
c = get_config()  # noqa: F821

c.CourseDirectory.course_id = {course!r}
# The starter stays in the cell; only the solution below it goes.
c.ClearSolutions.code_stub = {{"python": "# Your answer goes into the code above."}}
"""


def export_nbgrader(exercises: Sequence[Exercise], out: Path, course: str) -> list[Path]:
    """Write the folder of a course.

    Args:
        exercises: one notebook each.
        out: must not exist, or be empty.
        course: name of the course and of its assignment.

    Returns:
        The notebooks.
    """
    new_folder(out)
    (out / "nbgrader_config.py").write_text(_CONFIG.format(course=course), encoding="utf-8")
    source = out / "source" / course
    notebooks = []
    for exercise in exercises:
        notebooks.append(source / f"{identifier(exercise)}.ipynb")
        write_notebook(notebooks[-1], _cells(exercise))
    copy_own(exercises, source)
    return notebooks


def _cells(exercise: Exercise) -> list[Cell]:
    name = identifier(exercise)
    answer = f"{exercise.starter}\n### BEGIN SOLUTION\n{exercise.solution}\n### END SOLUTION"
    return [
        cell("markdown", f"task-{name}", exercise.task, **_mark(f"task-{name}", "markdown", locked=True)),
        cell("code", f"answer-{name}", answer, **_mark(f"answer-{name}", "code", solution=True)),
        cell(
            "code",
            f"check-{name}",
            check_code(exercise),
            **_mark(f"check-{name}", "code", grade=True, locked=True, points=exercise.points),
        ),
    ]


def _mark(name: str, kind: str, **marks: Any) -> dict[str, Any]:
    plain = {"grade": False, "solution": False, "locked": False, "task": False}
    return {"nbgrader": {"schema_version": 3, "grade_id": name, "cell_type": kind, **plain, **marks}}
