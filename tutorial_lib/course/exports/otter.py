"""A master notebook for Otter-Grader 6 and 7: one assignment with a question an exercise.

otter assign NAME.ipynb dist
otter run dist/student/NAME.ipynb -a dist/autograder/NAME-autograder_....zip
"""

import json
from collections.abc import Sequence
from pathlib import Path
from textwrap import indent

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

_REQUIREMENTS = "hf-hooking-tutorial\n"


def export_otter(exercises: Sequence[Exercise], out: Path, course: str) -> Path:
    """Write the master notebook and what lies beside it.

    Args:
        exercises: one question each.
        out: must not exist, or be empty.
        course: name of the assignment.

    Returns:
        The notebook.
    """
    new_folder(out)
    (out / "requirements.txt").write_text(_REQUIREMENTS, encoding="utf-8")
    files = copy_own(exercises, out)
    cells = [_config(course, files)]
    for exercise in exercises:
        cells += _question(exercise)
    notebook = out / f"{course}.ipynb"
    write_notebook(notebook, cells)
    return notebook


def _config(course: str, files: list[str]) -> Cell:
    # JSON is YAML, which Otter reads here.
    lines = [
        "# ASSIGNMENT CONFIG",
        f"name: {json.dumps(course)}",
        "requirements: requirements.txt",
        f"files: {json.dumps(files)}",
        "export_cell: false",
        "tests: {ok_format: false}",
    ]
    return cell("raw", "config", "\n".join(lines))


def _question(exercise: Exercise) -> list[Cell]:
    name = identifier(exercise)
    begin = f'# BEGIN QUESTION\nname: "{name}"\npoints: {exercise.points}'
    answer = f"{exercise.starter}\n# BEGIN SOLUTION NO PROMPT\n{exercise.solution}\n# END SOLUTION"
    test = f"def test_{name}({exercise.answer}):\n{indent(check_code(exercise), '    ')}"
    return [
        cell("raw", f"begin-{name}", begin),
        cell("markdown", f"task-{name}", exercise.task),
        cell("raw", f"begin-answer-{name}", "# BEGIN SOLUTION"),
        cell("code", f"answer-{name}", answer),
        cell("raw", f"end-answer-{name}", "# END SOLUTION"),
        cell("raw", f"begin-check-{name}", "# BEGIN TESTS"),
        cell("code", f"check-{name}", test),
        cell("raw", f"end-check-{name}", "# END TESTS"),
        cell("raw", f"end-{name}", "# END QUESTION"),
    ]
