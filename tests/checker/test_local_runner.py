"""A student's code is checked in a process that can be stopped: whatever it does, the command goes on."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.small_exercises import SOLUTION, STARTER, WRONG, add_exercise
from tests.turns import by_turns
from tutorial_lib.checker import report
from tutorial_lib.checker.local import LocalRunner
from tutorial_lib.checker.local_process import LocalError
from tutorial_lib.exercises.catalog import Exercise, read_exercise

pytestmark = pytest.mark.xdist_group("local runner")  # the runner is started once
SECONDS = 3.0
FORKS = sys.platform == "linux"
LINUX = pytest.mark.skipif(not FORKS, reason="only Linux holds an answer to a limit of memory")


@pytest.fixture(scope="module")
def exercise(tmp_path_factory: pytest.TempPathFactory) -> Exercise:
    return read_exercise(add_exercise(tmp_path_factory.mktemp("exercises"), "01_one/first"))


@pytest.fixture(scope="module")
def runner() -> Iterator[LocalRunner]:
    """One for many answers: each must find it as if it were the first."""
    with LocalRunner(seconds=SECONDS, memory_mb=600, spare=True) as made:
        yield made


def body(*lines: str) -> str:
    return "import os, sys, time\n\n\ndef double(x):\n" + "".join(f"    {line}\n" for line in lines)


ENDS = {
    "solution": (SOLUTION, report.PASSED, ""),
    "wrong": (WRONG, report.FAILED, "what you returned has other values"),
    "starter": (STARTER, report.NOT_ATTEMPTED, "still the starter"),
    "not implemented": (body("raise NotImplementedError"), report.NOT_ATTEMPTED, "still the starter"),
    "empty file": ("# soon\n", report.EMPTY, "The file is empty"),
    "syntax error": ("x = 1\ndef double(x:\n", report.SYNTAX_ERROR, "line 2, `def double(x:`"),
    "nothing defined": ("x = 1\n", report.MISSING, "does not define `double`"),
    "exception": (body("return x.nothing"), report.CRASHED, "AttributeError: "),
    "reads input": (body("return input()"), report.CRASHED, "EOFError"),
    "interrupt": (body("raise KeyboardInterrupt"), report.CRASHED, "Your code raised KeyboardInterrupt"),
    "loop": (body("while True:", "    x = x"), report.TIMED_OUT, "within 3 seconds"),
    "loop at the top": ("while True: pass\n", report.TIMED_OUT, "It was at line 1, `while True: pass`."),
    "loop after much noise": (
        body("os.write(2, b'.' * 300_000)", "while True:", "    x = x"),
        report.TIMED_OUT,
        "It was at line",
    ),
    "loop in C": (body("time.sleep(1000)"), report.TIMED_OUT, "line 5, `time.sleep(1000)`"),
    "sys.exit": (body("sys.exit(0)"), report.EXITED, "line 5, `sys.exit(0)`"),
    "os._exit": (body("os._exit(0)"), report.EXITED, "exit code 0 instead of returning"),
    "os._exit 3": (body("os._exit(3)"), report.EXITED, "exit code 3 instead of returning"),
    "segfault": (
        body("import ctypes", "ctypes.string_at(0)"),
        report.CRASHED,
        "the Python interpreter itself",
    ),
}


@pytest.mark.parametrize(("source", "outcome", "said"), ENDS.values(), ids=ENDS)
def test_each_end_has_its_own_outcome_and_message(runner, exercise, source, outcome, said):
    found = runner.check(exercise, source)
    assert (found.outcome, said in found.message) == (outcome, True), found
    assert runner.check(exercise, SOLUTION, seed=4).passed, "the next answer is checked as ever"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
def test_a_crash_of_the_interpreter_names_signal_and_line(runner, exercise):
    found = runner.check(exercise, body("import ctypes", "ctypes.string_at(0)"))
    assert found.message.endswith("(SIGSEGV), at line 6, `ctypes.string_at(0)`.")


@LINUX
@pytest.mark.parametrize(
    "line",
    ["return bytearray(2 * 10**9)", "import torch; return torch.zeros(2 * 10**9)", "return [0] * 10**9"],
)
def test_too_much_memory_is_an_end_of_its_own(runner, exercise, line):
    found = runner.check(exercise, body(line))
    assert found.outcome == report.OUT_OF_MEMORY, found
    assert "line 5" in found.message


@LINUX
def test_an_answer_that_the_system_kills_is_told_so(runner, exercise):
    found = runner.check(exercise, body("os.kill(os.getpid(), 9)"))
    assert found.outcome == report.OUT_OF_MEMORY
    assert "The system ended your code" in found.message


@LINUX
def test_an_answer_that_stands_still_is_ended(runner, exercise):
    found = runner.check(exercise, body("import signal", "os.kill(os.getpid(), signal.SIGSTOP)"))
    assert found.outcome == report.TIMED_OUT


def test_what_an_answer_starts_does_not_hold_the_command_up(runner, exercise):
    threads = "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n"
    assert runner.check(exercise, threads + SOLUTION).passed


def test_what_an_answer_prints_is_in_the_report_and_nowhere_else(runner, exercise, capfd):
    loud = "import os, sys\nos.write(1, b'{\"id\": 1}')\nsys.stderr.write('oh')\n"
    found = runner.check(exercise, loud + WRONG)
    assert found.printed == "three?\n"
    assert capfd.readouterr() == ("", "")


def test_the_same_seed_gives_the_same_report(runner, exercise):
    one, again, other = (runner.check(exercise, WRONG, seed=seed) for seed in (5, 5, 6))
    assert one == again
    assert one.seed == 5
    assert one.first.seen != other.first.seen


def test_without_a_seed_the_inputs_are_fresh(runner, exercise):
    assert runner.check(exercise, WRONG).seed != runner.check(exercise, WRONG).seed


def test_a_broken_exercise_is_no_fault_of_the_answer(runner, tmp_path):
    broken = read_exercise(add_exercise(tmp_path, "01_one/broken", observe="observe = 3\n"))
    with pytest.raises(
        LocalError, match=r"'01_one/broken' cannot be checked: ExerciseError: .*must define observe"
    ):
        runner.check(broken, SOLUTION)


def test_a_starter_and_a_syntax_error_need_no_process(exercise, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    with LocalRunner() as runner:
        assert runner.check(exercise, STARTER).outcome == report.NOT_ATTEMPTED
        assert runner.check(exercise, "def (").outcome == report.SYNTAX_ERROR


def test_a_limit_of_no_time_is_refused():
    with pytest.raises(ValueError, match="seconds = 0 must be more than 0"):
        LocalRunner(seconds=0)


def test_an_answer_leaves_nothing_behind_for_the_next(runner, exercise):
    assert runner.check(exercise, "import sys\nsys.modules['left'] = sys\n" + SOLUTION).passed
    assert runner.check(exercise, "import sys\nassert 'left' not in sys.modules\n" + SOLUTION).passed


@LINUX
def test_an_answer_that_doubles_itself_does_not_answer_for_the_next(runner, exercise):
    late = body("if os.fork() == 0:", "    os.setsid()", "    time.sleep(0.5)", "return 2 * x")
    assert runner.check(exercise, late, seed=7).passed
    # Its copy answers while the next answer is at work, which has none to give.
    assert runner.check(exercise, body("time.sleep(2)", "os._exit(0)")).outcome == report.EXITED


def test_the_variant_reaches_the_exercise(runner, tmp_path):
    checks = (
        "from tutorial_lib.exercises.checking import check, expect_same\n\n\n"
        "@check('of variant 17')\ndef has_it(case, seen):\n"
        "    expect_same(seen['variant'], 17, 'the variant')\n"
    )
    asked = read_exercise(add_exercise(tmp_path, "01_one/asked", checks=checks))
    assert runner.check(asked, SOLUTION, variant=17).passed
    assert not runner.check(asked, SOLUTION, variant=18).passed


def test_the_folder_of_an_exercise_may_have_any_letters(runner, tmp_path):
    folder = add_exercise(tmp_path / "mes devoirs d'été", "01_one/first")
    assert runner.check(read_exercise(folder), SOLUTION + "# é\n", filename="01_one/first.py").passed


def test_a_process_that_cannot_start_says_why(exercise, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    with LocalRunner() as runner, pytest.raises(LocalError, match=r"(?s)does not start: .*'tutorial_lib'"):
        runner.check(exercise, SOLUTION)


# What is left of it


def ends(pid: int) -> bool:
    """Whether a process comes to an end; it is given a minute, which only one that stays needs."""
    psutil = pytest.importorskip("psutil")
    for _ in range(600):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


@LINUX
def test_what_an_answer_starts_ends_with_it(runner, exercise, tmp_path):
    note = tmp_path / "pid"
    write = f"open({str(note)!r}, 'w').write(str(pid))"
    forks = body("pid = os.fork()", "if pid == 0:", "    time.sleep(1000)", write, "return 2 * x")
    assert runner.check(exercise, forks).passed
    assert ends(int(note.read_text()))


def test_the_process_ends_with_the_runner_and_its_files_are_gone(exercise):
    told = []
    slowly = body("time.sleep(1)", "return 2 * x")
    with LocalRunner(spare=True) as runner:
        assert runner.check(exercise, slowly, waiting=lambda *now: told.append(now)).passed
        process = runner._process
        assert process is not None
        assert process.alive
        assert process._folder.exists()
    assert not process.alive
    assert not process._folder.exists()
    # Meanwhile one who waits was told what is done.
    assert told[0][1] == "loading PyTorch and the models"
    assert told[-1][1] == "running your code"


SCRIPT = """\
import sys
from pathlib import Path

from tutorial_lib.exercises.catalog import read_exercise
from tutorial_lib.checker.local import LocalRunner

exercise, answer = read_exercise(Path(sys.argv[1])), Path(sys.argv[2]).read_text()
with LocalRunner(seconds=float(sys.argv[3])) as runner:
    print(runner.check(exercise, answer).outcome)
print(sorted({"torch", "transformers", "numpy"} & set(sys.modules)))
"""


def command(exercise: Exercise, folder: Path, answer: str, seconds: float) -> "subprocess.Popen[str]":
    """A process that checks an answer, started in a folder in which the student has files of any name."""
    mine = folder / "mine"
    mine.mkdir()
    for name in ("random", "torch", "json", "report"):
        (mine / f"{name}.py").write_text("raise SystemExit('the wrong one')\n")
    (folder / "script.py").write_text(SCRIPT)
    (folder / "answer.py").write_text(answer)
    arguments = [exercise.folder, folder / "answer.py", seconds]
    return subprocess.Popen(
        [sys.executable, folder / "script.py", *map(str, arguments)],
        cwd=mine,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


@pytest.mark.slow
def test_the_command_s_own_process_loads_no_torch_and_no_file_of_the_student(exercise, tmp_path):
    run = command(exercise, tmp_path, SOLUTION, 60)
    assert run.communicate()[0] == "passed\n[]\n"


@pytest.mark.slow
def test_a_command_that_is_killed_leaves_no_process(exercise, tmp_path):
    note = tmp_path / "pid"
    loop = body(f"open({str(note)!r}, 'w').write(str(os.getpid()))", "while True:", "    x = x")
    run = command(exercise, tmp_path, loop, 3)
    while not (note.exists() and note.read_text()):
        assert run.poll() is None
        time.sleep(0.05)
    run.kill()
    run.communicate()
    assert ends(int(note.read_text()))


# Where there is no fork


@pytest.mark.slow
@pytest.mark.parametrize(
    ("outcome", "source"),
    by_turns(
        [
            pytest.param(report.EXITED, body("os._exit(0)"), id="exit"),
            pytest.param(report.TIMED_OUT, body("while True:", "    x = x"), id="loop"),
        ],
        of=2,
    ),
)
def test_with_new_processes_only_it_is_the_same(exercise, outcome, source):
    with LocalRunner(seconds=SECONDS, spare=True, method="spawn") as runner:
        used = runner._process
        assert runner.check(exercise, source).outcome == outcome
        assert runner._process is not None, "a spare one is started for the next"
        assert runner._process is not used
        runner.spare = False
        assert runner.check(exercise, SOLUTION).passed
        assert runner._process is None, "and none if nothing more will come"
