"""The sample class, graded by real judges: each student gets what they deserve, each time the same."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tools.exercises.sample_class import DOUBLE, PRINT, STREAM, make
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.grading import GradingRun, Options, grade
from tutorial_lib.course.journal import NAME
from tutorial_lib.course.receipts import is_genuine

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("grading")]  # the class is graded once

# Outcome, or misconception, of the three exercises, and points.
DESERVED = {
    "ada": ("passed", "passed", "passed", 6),
    "alan": ("prints_the_tuple", "passed", "other_values", 1),
    "barbara": ("passed", "passed", "exited", 3),
    "dennis": ("refused", "refused", "passed", 3),
    "donald": ("passed", "passed", "passed", 6),
    "edsger": ("passed", "passed", "passed", 6),
    "grace": ("not attempted", "passed", "passed", 4),
    "hedy": ("passed", "passed", "passed", 6),
    "joan": ("not attempted", "not attempted", "not attempted", 0),
    "katherine": ("returns_no_handle", "empty", "first_block", 0),
    "margaret": ("syntax error", "crashed", "not submitted", 0),
    "radia": ("passed", "passed", "hook_left_on", 3),
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make(tmp_path_factory.mktemp("sample") / "class")


@pytest.fixture(scope="module")
def before(bundle: Bundle) -> dict[str, str]:
    return hashes(bundle.folder.parent)


@pytest.fixture(scope="module")
def graded(
    bundle: Bundle, before: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> tuple[GradingRun, Path]:
    out = tmp_path_factory.mktemp("first") / "grades"
    return grade(bundle.folder.parent / "submissions", bundle, out, Options(jobs=2)), out


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of every file of a folder, but for what Python compiles."""
    found = (file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in found}


def untimed(text: str) -> str:
    """JSON without its field that says when."""
    values = json.loads(text)
    values.pop("graded_at")
    return json.dumps(values)


def test_each_student_of_the_sample_class_gets_what_they_deserve(graded: tuple[GradingRun, Path]) -> None:
    found = {}
    for student in graded[0].grades.students:
        answers = {answer.exercise.name: answer for answer in student.answers}
        results = [
            answers[name].report.misconception or answers[name].outcome for name in (PRINT, DOUBLE, STREAM)
        ]
        found[student.student.id] = (*results, student.score)
    assert found == DESERVED


def test_what_is_another_each_time_is_left_out_or_made_the_same(graded: tuple[GradingRun, Path]) -> None:
    [alan] = [student for student in graded[0].grades.students if student.student.id == "alan"]
    report = {answer.exercise.name: answer.report for answer in alan.answers}[STREAM]
    assert report.printed.startswith("<object object at 0x...> {")
    assert report.first is not None
    assert "tensor [2, 5, " in str(report.first.seen)


def test_grading_leaves_submissions_and_bundle_as_they_were(
    bundle: Bundle, before: dict[str, str], graded: tuple[GradingRun, Path]
) -> None:
    assert hashes(bundle.folder.parent) == before


def test_the_answers_were_run_with_each_students_own_variant(
    bundle: Bundle, graded: tuple[GradingRun, Path]
) -> None:
    answers = [a for s in graded[0].grades.students for a in s.answers if a.seed is not None]
    assert len(answers) == 33
    assert len({answer.variant for answer in answers}) == len({answer.seed for answer in answers}) == 33
    assert {answer.report.seed for answer in answers} == {answer.seed for answer in answers}


@pytest.mark.turn(0, 3)  # each push does so with stand-ins for the judges: test_course_judges.py
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no kill -9 here")
def test_a_run_that_is_killed_and_started_again_gives_the_same_grades_and_judges_nothing_twice(
    bundle: Bundle, graded: tuple[GradingRun, Path], tmp_path: Path
) -> None:
    out, script = tmp_path / "grades", tmp_path / "hooking"
    script.write_text("from tutorial_lib.cli import app\napp()\n")
    submissions = str(bundle.folder.parent / "submissions")
    command = [
        sys.executable,
        str(script),
        "grade",
        submissions,
        "--bundle",
        str(bundle.folder),
        "--out",
        str(out),
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, "--jobs", "1"], stdout=subprocess.DEVNULL, env=env) as process:
        while process.poll() is None and len(lines(out)) < 5:
            time.sleep(0.05)
        children = processes_of(process.pid)
        process.kill()
    first = lines(out)
    assert 5 <= len(first) < 33
    again = subprocess.run([*command, "--jobs", "2"], capture_output=True, text=True, env=env, check=False)
    assert again.returncode == 0, again.stderr
    assert f"{33 - len(first)} answers judged, {len(first)} known from before." in again.stdout
    assert lines(out)[: len(first)] == first
    assert len({json.loads(line)["key"] for line in lines(out)}) == len(lines(out)) == 33
    for name in ("grades.json", *(f"receipts/{student}.json" for student in DESERVED)):
        assert untimed((out / name).read_text()) == untimed((graded[1] / name).read_text()), name
    for name in ("canvas.csv", "nbgrader.csv", "summary.html", "feedback/radia.md"):
        assert (out / name).read_bytes() == (graded[1] / name).read_bytes(), name
    assert [pid for pid in children if is_running(pid)] == []


def lines(out: Path) -> list[bytes]:
    """The whole lines of a journal."""
    file = out / NAME
    return (
        [line for line in file.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]
        if file.exists()
        else []
    )


def processes_of(pid: int) -> list[int]:
    """The children of a process, where the system lists them."""
    file = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in file.read_text().split()] if file.exists() else []


def is_running(pid: int) -> bool:
    try:
        return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_every_receipt_is_genuine_and_names_what_was_handed_in(
    bundle: Bundle, graded: tuple[GradingRun, Path]
) -> None:
    for student in DESERVED:
        receipt: dict[str, Any] = json.loads((graded[1] / "receipts" / f"{student}.json").read_text())
        assert is_genuine(receipt, bundle)
        assert receipt["versions"]["torch"].startswith("2.")
        assert receipt["protections"]
    edsger = json.loads((graded[1] / "receipts" / "edsger.json").read_text())
    file = bundle.folder.parent / "submissions" / "edsger@example.org" / f"{DOUBLE}.py"
    by_name = {answer["exercise"]: answer for answer in edsger["answers"]}
    assert by_name[DOUBLE]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_no_line_of_a_hidden_check_is_in_a_file_for_students(
    bundle: Bundle, graded: tuple[GradingRun, Path]
) -> None:
    for folder in ("feedback", "gradescope", "classroom50", "github-classroom"):
        for file in (graded[1] / folder).rglob("*.*"):
            text = file.read_text(encoding="utf-8") if file.is_file() else ""
            for secret in ("hook_left_on", "still on the model", "zero pre-hooks", bundle.secret.hex()):
                assert secret not in text, file
