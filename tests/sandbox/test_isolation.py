"""Hostile answers: none passes, none stops the grading, none touches another student's grade."""

import hashlib
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.sandbox.isolation_answers import HONEST, HOSTILE, Hostile, exercise_folder
from tests.turns import by_turns
from tutorial_lib.checker import report
from tutorial_lib.checker.report import Report
from tutorial_lib.exercises.catalog import HERE, Exercise, ExerciseError, find_exercises, read_exercise
from tutorial_lib.sandbox import Grader, Limits, Protection, supervise
from tutorial_lib.sandbox.library_copy import PACKAGE
from tutorial_lib.sandbox.runner import IsolationError, Zygote
from tutorial_lib.sandbox.spawned import Spawner

LIMITS = Limits(seconds=60, memory_mb=512, processes=16, disk_mb=16, output_mb=8)
pytestmark = pytest.mark.xdist_group("isolation")  # the graders are started once
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the layers are Linux's own; elsewhere few are there"
)


@pytest.fixture(scope="module")
def doubling(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    """An exercise that needs no model: `double(x)` gives 2x."""
    return read_exercise(exercise_folder(tmp_path_factory.mktemp("exercises")))


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    """One for all tests, so what one answer breaks is broken for the next."""
    with Grader(LIMITS) as made:
        yield made


@pytest.fixture(scope="module")
def honest(grader: Grader, doubling: Exercise) -> Report:
    """The report on a right answer, before anything hostile."""
    return grader.grade(doubling, HONEST, seed=1)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """Another student's answer, that anyone may read as far as the file itself goes."""
    file = tmp_path / "answer.py"
    file.write_text("SECRET = 'the work of another student'\n")
    for folder in (file, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o555)
    return file


def needs(grader: Grader, layer: str) -> None:
    """Skip a test of what only this layer prevents, where it is not in force."""
    found = next(one for one in grader.protections if one.name == layer)
    if not found.on:
        pytest.skip(f"{layer}: {found.detail}")


def fingerprint(*folders: Path) -> dict[str, str]:
    """Every file below some folders, with a hash of what is in it."""
    files = sorted(file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files if f.suffix != ".pyc"}


def base_of(grader: Grader) -> Path:
    return grader._runner._base  # type: ignore[attr-defined, no-any-return]


def zygote_of(grader: Grader) -> int:
    return grader._runner._process.pid  # type: ignore[attr-defined, no-any-return]


@linux
@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_a_hostile_answer_does_not_pass_and_the_next_honest_one_does(
    hostile: Hostile, grader: Grader, doubling: Exercise, honest: Report, secret: Path
) -> None:
    assert honest.passed
    places = {
        "PACKAGE": PACKAGE,
        "COPY": base_of(grader) / "library",
        "BASE": base_of(grader),
        "EXERCISE": doubling.folder,
        "SECRET": secret,
        "JUDGE": os.getpid(),
        "ZYGOTE": zygote_of(grader),
    }
    constants = "".join(
        f"{name} = {(str(place) if isinstance(place, Path) else place)!r}\n" for name, place in places.items()
    )
    watched = (HERE, doubling.folder, base_of(grader) / "library", secret.parent)
    before, ready = fingerprint(*watched), zygote_of(grader)
    grader.limits = replace(LIMITS, **hostile.limits)
    try:
        found = grader.grade(doubling, constants + hostile.source, seed=1)
    finally:
        grader.limits = LIMITS
    assert not found.passed
    assert found.outcome in hostile.outcomes, str(found)
    assert hostile.says in found.message + found.printed, str(found)
    assert "the work of another student" not in str(found.to_dict())
    assert fingerprint(*watched) == before, "a file was changed"
    assert supervise.below(ready) == [], "a process was left"
    assert list((base_of(grader) / "jobs").iterdir()) == [], "a file was left"
    assert zygote_of(grader) == ready, "the process that forks answers was ended"
    assert grader.grade(doubling, HONEST, seed=1) == honest, "another student's report"


@linux
@pytest.mark.parametrize("name", by_turns(sorted(find_exercises()), of=6))
def test_every_solution_passes_in_isolation(name: str, grader: Grader) -> None:
    exercise = find_exercises()[name]
    grader.limits = Limits()
    try:
        found = grader.grade(exercise, exercise.solution, seed=3)
    finally:
        grader.limits = LIMITS
    assert found.outcome == report.PASSED, str(found)
    assert {result.model for result in found.results} == set(exercise.models)


@linux
@pytest.mark.slow
def test_a_grading_process_that_was_killed_is_started_again_and_gives_the_same_reports(
    grader: Grader, doubling: Exercise, honest: Report
) -> None:
    strange = "class Strange:\n    pass\ndef double(x):\n    print(Strange())\n    return Strange()\n"
    once = grader.grade(doubling, strange, seed=4)
    assert "Strange object at 0x..." in once.printed
    base, killed = base_of(grader), zygote_of(grader)
    os.kill(killed, signal.SIGKILL)
    assert grader.grade(doubling, strange, seed=4) == once
    assert grader.grade(doubling, HONEST, seed=1) == honest
    assert zygote_of(grader) != killed
    assert not base.exists()


@linux
def test_outcomes_are_told_apart_as_in_the_student_s_own_loop(grader: Grader, doubling: Exercise) -> None:
    def outcome(source: str) -> str:
        return grader.grade(doubling, source, seed=1).outcome

    assert outcome(doubling.starter) == report.NOT_ATTEMPTED
    assert outcome("# soon\n") == report.EMPTY
    assert outcome("def f(:\n") == report.SYNTAX_ERROR
    assert outcome("def triple(x):\n    return 3 * x\n") == report.MISSING
    assert outcome("def double(x):\n    return x[10]\n") == report.CRASHED
    assert outcome("def double(x):\n    return x\n") == report.FAILED


@linux
def test_nothing_of_an_answer_or_a_check_is_in_the_memory_that_the_next_answer_starts_with(
    grader: Grader, doubling: Exercise, tmp_path: Path
) -> None:
    mark, hidden_mark = "the-work-of-student-one", "what-only-the-instructor-knows"
    write_hidden(tmp_path, hidden_mark)
    assert grader.grade(doubling, f"{HONEST}# {mark}\n", seed=1, hidden=tmp_path).passed
    memory = memory_of(zygote_of(grader))
    assert b"tutorial_lib" in memory
    for secret in (mark, hidden_mark, "the solution of the instructor", "it is twice as large"):
        assert secret.encode() not in memory, secret


@linux
def test_hidden_checks_judge_what_was_seen_and_stay_hidden(
    grader: Grader, doubling: Exercise, tmp_path: Path
) -> None:
    write_hidden(tmp_path, "a comment")
    passed = grader.grade(doubling, HONEST, seed=1, hidden=tmp_path)
    assert passed.passed
    assert [result.hidden for result in passed.results] == [False, False, True, True]
    sly = "def double(x):\n    return 2 * x if x.shape == (3, 4) else x\n"
    (tmp_path / "observe.py").write_text(
        "def observe(answer, case):\n    return {'doubled': answer(case.normal(5, 2))}\n"
    )
    caught = grader.grade(doubling, sly, seed=1, hidden=tmp_path)
    assert caught.outcome == report.FAILED
    assert caught.first is not None
    assert caught.first.hidden
    assert grader.grade(doubling, HONEST, seed=1, hidden=tmp_path).passed


@linux
def test_an_exercise_that_is_not_whole_is_no_fault_of_the_answer(
    grader: Grader, doubling: Exercise, tmp_path: Path
) -> None:
    broken = read_exercise(exercise_folder(tmp_path))
    (broken.folder / "observe.py").write_text("x = 1\n")
    with pytest.raises(ExerciseError, match="must define observe"):
        grader.grade(broken, HONEST, seed=1)
    assert grader.grade(doubling, HONEST, seed=1).passed


@linux
def test_where_a_layer_is_missing_that_was_there_before_no_answer_runs() -> None:
    runner = Zygote(LIMITS, "cpu")
    wall, hole = Protection("wall", True, "as before"), Protection("wall", False, "it fell")
    runner._check_layers([wall.to_dict()], LIMITS)
    runner._check_layers([wall.to_dict()], LIMITS)
    with pytest.raises(IsolationError, match="could not be confined: wall"):
        runner._check_layers([hole.to_dict()], LIMITS)
    with pytest.raises(IsolationError, match="it ended first"):
        runner._check_layers(None, LIMITS)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "outcome"),
    by_turns(
        [
            pytest.param(HONEST, report.PASSED, id="honest"),
            pytest.param("while True:\n    pass\n", report.TIMED_OUT, id="loop"),
            pytest.param(
                "import torch\ndef double(x):\n    return torch.zeros(4_000_000)\n",
                report.CRASHED,
                id="large",
            ),
        ],
        of=3,
    ),
)
def test_where_there_is_no_fork_each_answer_gets_a_new_process(
    source: str, outcome: str, doubling: Exercise
) -> None:
    limits = replace(LIMITS, seconds=5 if outcome == report.TIMED_OUT else 60)
    grader = Grader(limits)
    grader._runner = Spawner(limits, "cpu")
    with grader:
        found = grader.grade(doubling, source, seed=1, models=("gpt2",))
    assert found.outcome == outcome, str(found)


def write_hidden(folder: Path, mark: str) -> None:
    """Hidden checks: of another shape, where the answer is looked at again."""
    (folder / "checks.py").write_text(
        f"""# {mark}
from tutorial_lib.exercises.checking import check, expect_close


@check("it is twice as large, whatever the shape")
def is_doubled(case, seen):
    shape = (3, 4) if tuple(seen["doubled"].shape) == (3, 4) else (5, 2)
    expect_close(seen["doubled"], 2 * case.normal(*shape), "what you returned")
"""
    )


def memory_of(pid: int) -> bytes:
    """All that a process could read or write in its own memory, without the files it has mapped."""
    parts = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, permissions, _, _, inode = line.split()[:5]
            if not permissions.startswith("rw") or inode != "0" or "[v" in line:
                continue
            first, last = (int(end, 16) for end in span.split("-"))
            memory.seek(first)
            parts.append(memory.read(last - first))
    return b"".join(parts)
