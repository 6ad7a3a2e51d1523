"""Exports for nbgrader and Otter-Grader: notebooks that are whole, and that the tools themselves take.

The tools are tried where they are installed: beside this Python, or in the folder that $EXPORT_TOOLS names.
"""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from typer.testing import CliRunner

from tests import ROOT
from tools.exercises.sample_class import DOUBLE, PRINT, make
from tutorial_lib.cli import app
from tutorial_lib.course.bundle import Bundle

TOOLS = Path(os.environ.get("EXPORT_TOOLS", Path(sys.executable).parent))
POINTS = {"01_hooks_print_a_shape": 2.0, "90_own_double_it": 1.0}


def installed(name: str) -> pytest.MarkDecorator:
    reason = f"{name} is not installed here: `make test-exports` installs it apart and runs this"
    return pytest.mark.skipif(shutil.which(name, path=str(TOOLS)) is None, reason=reason)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return make(tmp_path / "class")


@pytest.fixture(params=["nbgrader", "otter"])
def exported(request: pytest.FixtureRequest, bundle: Bundle, tmp_path: Path) -> Path:
    return export(str(request.param), bundle, tmp_path / "out")


def export(tool: str, bundle: Bundle, out: Path) -> Path:
    """The folder that the command writes, with one exercise of the package and one of the bundle."""
    arguments = ["--exercises", f"{PRINT},{DOUBLE}", "--bundle", str(bundle.folder), "--out", str(out)]
    result = CliRunner().invoke(app, ["export", tool, *arguments])
    assert result.exit_code == 0, result.output
    assert "hidden checks stay in the bundle: 90_own/double_it" in result.stderr
    return out


def notebooks(folder: Path) -> list[Any]:
    return [nbformat.read(file, as_version=4) for file in sorted(folder.rglob("*.ipynb"))]


def test_a_notebook_is_valid_and_has_task_answer_and_check_of_each_exercise(
    bundle: Bundle, exported: Path
) -> None:
    found = notebooks(exported)
    for notebook in found:
        nbformat.validate(notebook)
    sources = "\n".join(cell.source for notebook in found for cell in notebook.cells)
    for name in (PRINT, DOUBLE):
        exercise = bundle.exercises[name]
        assert exercise.task.strip() in sources
        assert exercise.starter.strip() in sources
        assert f".check({exercise.answer})" in sources


def test_the_solution_is_where_the_tool_takes_it_out(bundle: Bundle, exported: Path) -> None:
    for notebook in notebooks(exported):
        for cell in notebook.cells:
            before, begin, inside = cell.source.partition("BEGIN SOLUTION")
            after = inside.partition("END SOLUTION")[2]
            for name in (PRINT, DOUBLE):
                code = bundle.exercises[name].solution.strip().splitlines()[-1].strip()
                assert code not in before
                assert code not in after
                assert not (begin and cell.cell_type == "markdown")


def test_only_public_files_of_an_own_exercise_lie_beside_the_notebooks(exported: Path) -> None:
    files = {file.name for file in exported.rglob("90_own/double_it/*")}
    assert files == {"exercise.toml", "task.md", "starter.py", "hints.md", "observe.py", "checks.py"}


def test_an_export_never_overwrites(bundle: Bundle, exported: Path) -> None:
    for tool in ("nbgrader", "otter"):
        result = CliRunner().invoke(
            app, ["export", tool, "--bundle", str(bundle.folder), "--out", str(exported)]
        )
        assert result.exit_code == 2
        assert "is not empty" in result.stderr


def run(*command: str, folder: Path) -> str:
    """What a tool prints; the kernels of its notebooks find this library."""
    path = os.pathsep.join([str(TOOLS), os.environ.get("PATH", "")])
    env = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@installed("nbgrader")
def test_nbgrader_releases_without_solutions_and_gives_all_points_or_none(
    bundle: Bundle, tmp_path: Path
) -> None:
    course = export("nbgrader", bundle, tmp_path / "out")
    run("nbgrader", "generate_assignment", "sample", folder=course)
    released = course / "release" / "sample"
    text = "".join(file.read_text(encoding="utf-8") for file in released.glob("*.ipynb"))
    assert "stream * 2" not in text
    assert "args[0].shape" not in text
    shutil.copytree(course / "source" / "sample", course / "submitted" / "solved" / "sample")
    shutil.copytree(released, course / "submitted" / "unsolved" / "sample")
    run("nbgrader", "autograde", "sample", "--create", folder=course)
    run("nbgrader", "export", folder=course)
    with (course / "grades.csv").open(encoding="utf-8", newline="") as stream:
        rows = {row["student_id"]: row for row in csv.DictReader(stream)}
    assert (rows["solved"]["score"], rows["solved"]["max_score"]) == ("3.0", "3.0")
    assert (rows["unsolved"]["score"], rows["unsolved"]["max_score"]) == ("0.0", "3.0")


@pytest.mark.slow
@installed("otter")
def test_otter_assigns_without_solutions_and_gives_all_points_or_none(bundle: Bundle, tmp_path: Path) -> None:
    folder = export("otter", bundle, tmp_path / "out")
    # It also runs the checks on the solutions, and fails where they do not pass.
    run("otter", "assign", "sample.ipynb", "dist", folder=folder)
    student = folder / "dist" / "student" / "sample.ipynb"
    cells = nbformat.read(student, as_version=4).cells
    code = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
    assert "raise NotImplementedError" in code
    assert "stream * 2" not in code
    assert "args[0].shape" not in code
    [autograder] = (folder / "dist" / "autograder").glob("*.zip")
    for notebook, share in ((student, 0.0), (folder / "dist" / "autograder" / "sample.ipynb", 1.0)):
        run(
            "otter",
            "run",
            str(notebook),
            "-a",
            str(autograder),
            "-o",
            str(folder),
            "--no-logo",
            folder=folder,
        )
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        scores = {test["name"]: test["score"] for test in results["tests"] if test["name"] in POINTS}
        assert scores == {name: points * share for name, points in POINTS.items()}


@installed("nbgrader")
def test_the_columns_of_our_csv_are_those_of_the_installed_nbgrader(tmp_path: Path) -> None:
    from tutorial_lib.course.formats.nbgrader_csv import COLUMNS

    run("nbgrader", "export", folder=tmp_path)
    assert (tmp_path / "grades.csv").read_text(encoding="utf-8").strip() == ",".join(COLUMNS)
