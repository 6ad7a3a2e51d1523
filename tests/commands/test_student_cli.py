"""The student's commands: start, list, check, hint, solution, reset."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from tests import ROOT
from tests.small_exercises import SOLUTION, STARTER, WRONG, a_workspace, add_exercise, add_three
from tutorial_lib.checker.local import LocalRunner
from tutorial_lib.cli import app
from tutorial_lib.commands import hooking_check as check_module
from tutorial_lib.commands import patience
from tutorial_lib.commands.watch import Saved
from tutorial_lib.exercises.catalog import find_exercises
from tutorial_lib.workspace.student_files import fingerprint
from tutorial_lib.workspace.workspace import Workspace

FIRST, SECOND, THIRD = "01_one/first", "01_one/second", "02_two/third"
COMMANDS = ("start", "list", "check", "hint", "solution", "reset")


def hooking(*arguments: str, **options):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "100"}, **options)


def fine(*arguments: str, **options) -> str:
    run = hooking(*arguments, **options)
    assert run.exit_code == 0, run.output
    return run.stdout


def refused(*arguments: str) -> str:
    run = hooking(*arguments)
    assert run.exit_code == 2, run.output
    assert run.stdout == ""
    assert run.stderr.startswith("error: ")
    return run.stderr


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A student in their folder, with three exercises of a release."""
    folder = tmp_path / "my Übungen"
    add_three(folder / ".hooking" / "exercises")
    monkeypatch.chdir(folder)
    return a_workspace(folder)


def write(work: Workspace, name: str, text: str) -> None:
    work.answer_path(name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def warm_runner() -> Iterator[LocalRunner]:
    with LocalRunner(spare=True) as runner:
        yield runner


@pytest.fixture
def warm(warm_runner: LocalRunner, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """Checks need not wait for PyTorch; what the command asked of its runner is noted."""
    asked: list[dict[str, object]] = []

    def made(**options: object) -> contextlib.AbstractContextManager[LocalRunner]:
        asked.append(options)
        return contextlib.nullcontext(warm_runner)

    monkeypatch.setattr(check_module, "LocalRunner", made)
    return asked


# start


def test_start_writes_the_exercises_of_the_package_and_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = fine("start", "my exercises")
    for name in find_exercises():
        assert (tmp_path / "my exercises" / f"{name}.py").is_file()
    assert said.startswith("written: README.md, ")
    assert f"{len(find_exercises())} exercises in my exercises" in said
    assert '  cd "my exercises"\n' in said


def test_start_again_keeps_what_the_student_wrote_and_says_so(work):
    write(work, FIRST, WRONG)
    add_exercise(work.hidden / "exercises", "03_new/fourth")
    said = fine("start", ".")
    assert "written: 03_new/fourth.md, 03_new/fourth.py\n" in said
    assert "kept as they are, since they are yours: 01_one/first.py\n" in said
    assert work.answer_path(FIRST).read_text() == WRONG
    write(work, FIRST, STARTER)
    assert "nothing to add\n" in fine("start", ".")


def test_start_takes_names_and_topics_with_commas_or_again(work, tmp_path):
    for number, more in enumerate((["first, 02_two"], ["01_one/first", "--exercises", "third"])):
        folder = tmp_path / str(number)
        add_three(folder / ".hooking" / "exercises")
        fine("start", str(folder), "--exercises", *more)
        assert list(Workspace(folder).exercises) == [FIRST, THIRD]


def test_start_refuses_what_it_cannot_write_into(work, tmp_path):
    (tmp_path / "file").write_text("")
    assert "is a file: name a folder" in refused("start", str(tmp_path / "file"))
    assert "lies within the exercises of" in refused("start", "01_one")
    assert "no exercise 'fist'; close ones: 01_one/first" in refused("start", ".", "--exercises", "fist")


# list


def test_list_shows_state_points_minutes_and_marks_the_next_one(work):
    write(work, FIRST, SOLUTION)
    work.progress.update(FIRST, passed="2026-01-01", passed_file=fingerprint(SOLUTION))
    write(work, SECOND, WRONG)
    lines = [line.split() for line in fine("list").splitlines()]
    assert ["first", "done", "2", "3", "easy", "Twice,", "01_one/first"] in lines
    assert [">", "second", "started", "2", "4", "easy", "Twice,", "01_one/second"] in lines
    assert ["third", "to", "do", "2", "5", "easy", "Twice,", "02_two/third"] in lines
    assert "1 of 3 done, 2 of 6 points, about 9 minutes left" in fine("list")
    assert "next: 01_one/second" in fine("list")


def test_list_as_json_is_one_object(work):
    work.progress.update(SECOND, hints=1, checks=4)
    found = json.loads(fine("list", "--json"))
    assert (found["next"], found["course"]) == (FIRST, None)
    second = found["exercises"][1]
    assert second["file"] == str(work.answer_path(SECOND))
    assert {name: second[name] for name in ("name", "state", "points", "minutes", "hints", "hints_seen")} == {
        "name": SECOND,
        "state": "to do",
        "points": 2,
        "minutes": 4,
        "hints": 2,
        "hints_seen": 1,
    }


def test_list_of_a_course_names_it_and_the_student(work):
    a_workspace(work.folder, course={"course": "Hooks 101", "student": "s7"})
    assert fine("list").startswith("Hooks 101, s7\n")


def test_a_progress_file_that_is_broken_is_told_and_kept(work):
    (work.hidden / "progress.json").write_text("{")
    run = hooking("list")
    assert run.exit_code == 0
    assert "progress.json cannot be read in full" in run.stderr
    assert (work.hidden / "progress.1.json").read_text() == "{"


def test_commands_work_below_the_folder_and_with_dir(work, tmp_path, monkeypatch):
    monkeypatch.chdir(work.folder / "01_one")
    assert "0 of 3 done" in fine("list")
    monkeypatch.chdir(tmp_path)
    assert "0 of 3 done" in fine("list", "--dir", str(work.folder / "02_two"))
    assert "there is no folder 'nowhere'" in refused("list", "--dir", "nowhere")
    for command in (["list"], ["check"], ["hint"], ["solution"], ["reset", "x"]):
        assert "`hooking start DIR` writes them" in refused(*command)


# check


def test_a_right_answer_passes_and_the_next_one_is_shown(work, warm):
    write(work, FIRST, SOLUTION)
    said = fine("check", "first")
    assert said.splitlines() == [
        "01_one/first: passed, 1 check on box",
        "next: 01_one/second  Twice, 01_one/second (easy, 4 minutes)",
        f"  task: {Path('01_one/second.md')}",
        f"  file: {Path('01_one/second.py')}",
    ]
    assert "1 of 3 done" in fine("list")


def test_a_wrong_answer_says_why_what_it_printed_and_how_to_go_on(work, warm):
    write(work, FIRST, WRONG)
    run = hooking("check", "01_one\\first.py", "--seed", "12")
    assert run.exit_code == 1
    lines = run.stdout.splitlines()
    assert lines[0] == "01_one/first: failed on the model in the box: the result is twice as large"
    assert lines[1] == "  what you returned has other values"
    assert lines[2].startswith("  expected: tensor [3] float32 with ")
    assert lines[4:] == [
        "  read:     chapters/1-hook-basics.md#handles",
        "  printed:",
        "    three?",
        "",
        "  the same inputs again: hooking check 01_one/first --seed 12",
        "  2 hints left:",
        "    hooking hint 01_one/first",
    ]
    again = hooking("check", FIRST, "--seed", "12")
    assert again.stdout == run.stdout


def test_without_a_name_the_next_one_is_checked(work, warm):
    run = hooking("check")
    assert run.exit_code == 1
    assert run.stdout.startswith("01_one/first: not attempted\n")
    assert f"  task: {Path('01_one/first.md')}\n" in run.stdout
    write(work, FIRST, SOLUTION)
    assert fine("check").startswith("01_one/first: passed")
    assert hooking("check").stdout.startswith("01_one/second: not attempted")


def test_when_all_are_done_check_says_so(work, warm):
    for name in (FIRST, SECOND, THIRD):
        write(work, name, SOLUTION)
        last = fine("check")
    assert last.endswith("All 3 exercises are done.\n")
    assert fine("check") == "All 3 exercises are done.\n"
    assert "all 3 exercises are done; name one" in refused("hint")


def test_all_exercises_are_checked_at_once(work, warm):
    write(work, FIRST, SOLUTION)
    write(work, THIRD, WRONG)
    run = hooking("check", "--all")
    assert run.exit_code == 1
    assert run.stdout.splitlines() == [
        "passed        01_one/first",
        "failed        02_two/third: what you returned has other values",
        "1 passed, 1 not right, 1 not attempted",
    ]
    for name in (SECOND, THIRD):
        write(work, name, SOLUTION)
    assert fine("check", "--all").endswith("3 passed, 0 not right, 0 not attempted\n")


def test_check_as_json_is_one_object(work, warm):
    write(work, FIRST, WRONG)
    run = hooking("check", "--json", "--seed", "3")
    assert run.exit_code == 1
    found = json.loads(run.stdout)
    assert found["passed"] is False
    (only,) = found["reports"]
    assert only["file"] == str(work.answer_path(FIRST))
    assert (only["outcome"], only["seed"], only["first"]["misconception"]) == ("failed", 3, "other_values")
    assert len(json.loads(hooking("check", "--all", "--json").stdout)["reports"]) == 3


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (SOLUTION.replace("\n", "\r\n").encode(), "passed"),
        (b"\xef\xbb\xbf# \xc3\xa9\r\n" + SOLUTION.encode(), "passed"),
        ("# coding: latin-1\n# é\n".encode("latin-1") + SOLUTION.encode(), "passed"),
        ("# é\n".encode("latin-1") + SOLUTION.encode(), "syntax error"),
        (SOLUTION.encode("utf-16"), "syntax error"),
        (b"", "empty"),
    ],
)
def test_files_of_every_editor_are_read(work, warm, content, outcome):
    work.answer_path(FIRST).write_bytes(content)
    assert json.loads(hooking("check", "--json").stdout)["reports"][0]["outcome"] == outcome


def test_the_variant_of_the_course_reaches_the_check(work, warm):
    checks = (
        "from tutorial_lib.exercises.checking import check, expect_same\n\n\n"
        "@check('of variant 17')\ndef has_it(case, seen):\n"
        "    expect_same(seen['variant'], 17, 'the variant')\n"
    )
    add_exercise(work.hidden / "exercises", FIRST, checks=checks)
    write(work, FIRST, SOLUTION)
    assert hooking("check", FIRST).exit_code == 1
    a_workspace(work.folder, course={"course": "c", "student": "s", "variants": {FIRST: 17}})
    assert hooking("check", FIRST).exit_code == 0


def test_the_time_that_code_may_take_is_an_option(work, warm):
    write(work, FIRST, WRONG)
    hooking("check", "--timeout", "7.5")
    hooking("check")
    assert [options["seconds"] for options in warm] == [7.5, 20.0]
    assert hooking("check", "--timeout", "0").exit_code == 2


def test_a_check_that_takes_long_says_what_it_does(work, warm, monkeypatch):
    monkeypatch.setattr(patience, "AFTER", 0.0)
    write(work, FIRST, WRONG)
    run = hooking("check", "--json")
    assert run.stderr.endswith("01_one/first: running your code ...\n")
    assert json.loads(run.stdout)["passed"] is False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["fist"], "no exercise 'fist'; close ones: 01_one/first"),
        (["first", "--all"], "give a name ('first') or --all, not both"),
        (["--watch", "--all"], "leave out --all"),
        (["--watch", "--json"], "leave out --json"),
    ],
)
def test_what_does_not_go_together_is_refused(work, arguments, said):
    assert said in refused("check", *arguments)


def test_a_file_that_is_gone_is_refused_with_how_to_get_it_back(work):
    work.answer_path(FIRST).unlink()
    assert "`hooking reset 01_one/first` writes the starter" in refused("check", "first")


def test_a_broken_exercise_is_told_apart_from_a_wrong_answer(work, warm):
    add_exercise(work.hidden / "exercises", FIRST, observe="observe = 3\n")
    write(work, FIRST, SOLUTION)
    assert "exercise '01_one/first' cannot be checked" in refused("check", "first")


# hint


def test_a_hint_is_one_step_more_each_time(work):
    first = fine("hint", "first")
    assert first.startswith("Step 1 of 2: What to return\nSomething *twice* as large.\n")
    assert first.endswith("1 more step: hooking hint 01_one/first\n")
    second = fine("hint", "first")
    assert second.startswith("Step 2 of 2: How\n")
    assert second.endswith("This was the last step. All of it: hooking solution 01_one/first\n")
    assert [line for line in fine("hint", "first").splitlines() if line.startswith("Step")] == [
        "Step 1 of 2: What to return",
        "Step 2 of 2: How",
    ]


def test_hints_that_were_seen_can_be_seen_again(work):
    assert "no step of 01_one/first is seen yet" in refused("hint", "first", "--again")
    fine("hint", "first")
    for _ in range(2):
        again = fine("hint", "first", "--again")
        assert again.count("Step") == 1
        assert "1 more step" in again


def test_without_a_name_the_hint_is_for_the_next_one(work):
    assert fine("hint").endswith("hooking hint 01_one/first\n")


# solution


def test_the_solution_is_shown_at_once_after_passing(work):
    work.progress.update(FIRST, passed="2026-01-01")
    assert fine("solution", "first") == SOLUTION


def test_before_passing_the_solution_needs_a_yes(work):
    no = hooking("solution", "first", input="n\n")
    assert (no.exit_code, no.stdout) == (1, "")
    assert "You have not passed 01_one/first yet. Show the solution?" in no.stderr
    assert work.progress[FIRST].solution == ""
    assert fine("solution", "first", input="y\n") == SOLUTION
    assert fine("solution", "first", "--yes") == SOLUTION
    assert work.progress[FIRST].solution != ""
    silent = hooking("solution", "first", input="")
    assert (silent.exit_code, silent.stdout) == (2, "")
    assert "say --yes" in silent.stderr


def test_a_release_without_solutions_says_so(work):
    (work.hidden / "exercises" / FIRST / "solution.py").unlink()
    assert "the solution of 01_one/first is not in this folder" in refused("solution", "first", "--yes")


# reset


def test_reset_keeps_the_file_and_says_where(work):
    write(work, FIRST, WRONG)
    said = fine("reset", "first")
    kept = Path(".hooking") / "kept" / "01_one" / "first.1.py"
    assert said.splitlines() == [
        f"{Path('01_one/first.py')} is the starter again; your file is kept as {kept}",
        "01_one/first is to do again.",
    ]
    assert kept.read_text() == WRONG
    assert work.answer_path(FIRST).read_text() == STARTER
    assert "there is nothing to keep" in fine("reset", "first")
    work.answer_path(FIRST).unlink()
    assert "was not there; the starter is written" in fine("reset", "first")


def test_reset_needs_a_name(work):
    assert hooking("reset").exit_code == 2


# watch


class Watching:
    """`hooking check --watch` as a process of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        code = "from tutorial_lib.cli import app; app()"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", "PYTHONUTF8": "1"}
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "check", "--watch", *arguments],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env=environment,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def until(self, text: str) -> list[str]:
        """The lines up to one that has the text; two minutes without a line are the end of patience."""
        lines: list[str] = []
        while not lines or text not in lines[-1]:
            lines.append(self._lines.get(timeout=120))
        return lines


@pytest.fixture
def watching(work: Workspace) -> Iterator[Watching]:
    made = Watching(work.folder / "02_two")
    yield made
    made.process.kill()
    made.process.wait()


@pytest.mark.slow
def test_watch_checks_on_each_save_and_goes_on_after_a_pass(work, watching):
    assert watching.until("waiting for a save")[0] == "01_one/first: not attempted"
    write(work, FIRST, "def double(x:\n")
    assert "01_one/first: syntax error" in watching.until("waiting for a save")
    write(work, FIRST, WRONG)
    failed = watching.until("waiting for a save")
    assert any(line.startswith("01_one/first: failed") for line in failed)
    assert "    three?" in failed
    write(work, SECOND, SOLUTION)  # another one than the current
    passed = watching.until("waiting for a save")
    assert "01_one/second: passed, 1 check on box" in passed
    assert any(line.startswith("next: 01_one/first ") for line in passed)
    # It was started before, but it was not saved now: what is on the screen is about the file that was.
    assert not any("failed" in line for line in passed)
    work.answer_path(FIRST).unlink()
    write(work, FIRST, SOLUTION)
    passed = watching.until("waiting for a save")
    assert "01_one/first: passed, 1 check on box" in passed
    assert any(line.startswith("next: 02_two/third ") for line in passed)
    assert not any("\x1b" in line for line in passed), "nothing is cleared where there is no terminal"
    write(work, THIRD, SOLUTION)
    watching.until("All 3 exercises are done.")
    assert watching.process.wait(timeout=60) == 0
    assert work.state(THIRD) == "done"


def test_a_file_that_an_editor_writes_in_steps_is_checked_when_it_is_whole(work, monkeypatch):
    path, steps = work.answer_path(SECOND), ["", "def double(x):\n", WRONG, None]

    def save_one_step_more(seconds: float) -> None:
        step = steps.pop(0)
        if step is not None:
            path.write_text(step, encoding="utf-8")

    saved = Saved(work)
    monkeypatch.setattr(time, "sleep", save_one_step_more)
    assert saved.wait(work.exercises[FIRST]).name == SECOND
    assert path.read_text(encoding="utf-8") == WRONG


def test_of_several_files_that_are_saved_the_current_one_is_checked(work):
    saved = Saved(work)
    for name in (FIRST, SECOND, THIRD):
        write(work, name, WRONG)
    assert saved.wait(work.exercises[SECOND]).name == SECOND


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot send Ctrl-C to one process alone")
def test_ctrl_c_ends_watching_cleanly(work, watching):
    watching.until("waiting for a save")
    watching.process.send_signal(signal.SIGINT)
    assert watching.until("stopped watching")
    assert watching.process.wait(timeout=60) == 0


# All of them


@pytest.mark.parametrize("command", COMMANDS)
def test_help_explains_every_argument_and_option(command):
    assert "Exit code 0" in fine(command, "--help")
    for parameter in get_command(app).commands[command].params:
        assert parameter.help, f"{command}: {parameter.name}"


def test_no_command_waits_for_torch(work):
    code = (
        "import sys; from typer.testing import CliRunner; from tutorial_lib.cli import app\n"
        "for command in ('list', 'check', 'hint', 'solution --yes', 'reset first', 'start .'):\n"
        "    run = CliRunner().invoke(app, command.split())\n"
        "    assert run.exit_code in (0, 1), run.output\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.stdout == "[]\n", run.stdout + run.stderr


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_a_terminal_of_any_encoding_is_printed_to(work, encoding):
    """The second hint has an arrow, which not every code page of Windows knows."""
    work.progress.update(FIRST, hints=1)
    code = "from tutorial_lib.cli import app; app()"
    run = subprocess.run(
        [sys.executable, "-c", code, "hint", "first"],
        capture_output=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
    )
    assert run.returncode == 0, run.stderr
    assert (" → " if encoding == "utf-8" else " ? ") in run.stdout.decode(encoding)
