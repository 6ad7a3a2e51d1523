"""Judges side by side, and a run that goes on where it was stopped, with a quick stand-in for the judge.

What a real judge says is in test_course_grading.py.
"""

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tools.exercises.sample_class import DOUBLE, STREAM, make
from tutorial_lib.checker.report import PASSED, CheckResult, Report
from tutorial_lib.course import CourseError, judge_pool
from tutorial_lib.course.bundle import Bundle, read_bundle
from tutorial_lib.course.grading import GradingProgress, Options, grade
from tutorial_lib.course.journal import NAME, open_journal
from tutorial_lib.course.judge_pool import Task, Verdict, run_judges
from tutorial_lib.exercises.catalog import get_exercise
from tutorial_lib.files import PARTIAL

PRINT = get_exercise("01_hooks/print_a_shape")
RIGHT = Report("", PASSED, results=(CheckResult("holds", "box", True),)).to_dict()
# Says that everything passed, and does what an answer tells it to.
STAND_IN = (
    """
import json, os, sys, time
def say(reply):
    print(json.dumps(reply), flush=True)
say({"protections": {"stand-in": True, "before": 1}})
for line in sys.stdin:
    request = json.loads(line)
    source = request["source"]
    if "die" in source:
        os._exit(9)
    elif "hang" in source:
        time.sleep(3600)
    elif "babble" in source:
        print("this is no reply", flush=True)
    elif "fault" in source:
        say({"error": "the checks are broken"})
    else:
        say({"report": {**json.loads(RIGHT), "printed": str(os.getpid())}})
""".replace("RIGHT", repr(json.dumps(RIGHT)))
    .replace("{", "{{")
    .replace("}", "}}")
)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_pool, "_RUN", STAND_IN)


def task(source: str, number: int = 0) -> Task:
    return Task(f"{source}{number}", "ada", PRINT, source, "", number, 1, None)


def judged(*sources: str, jobs: int = 1, **limits: float) -> dict[str, Verdict]:
    tasks = [task(source, number) for number, source in enumerate(sources)]
    return {v.task.source: v for v in run_judges(tasks, jobs=jobs, limits=limits)}


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_judge_that_dies_costs_one_answer_its_grade(jobs: int) -> None:
    verdicts = judged("a", "die", "b", "c", jobs=jobs)
    assert {source for source, verdict in verdicts.items() if verdict.report} == {"a", "b", "c"}
    assert "exit code 9" in verdicts["die"].error
    assert verdicts["a"].protections == {"stand-in": True, "before": 1}


@pytest.mark.usefixtures("stand_in")
def test_a_judge_that_hangs_or_babbles_is_ended_and_the_next_answer_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(judge_pool, "START", 1.0)
    verdicts = judged("hang", "a", "babble", "b", seconds=0.1)
    assert {source for source, verdict in verdicts.items() if verdict.report} == {"a", "b"}
    assert all("ended without a verdict" in verdicts[source].error for source in ("hang", "babble"))


@pytest.mark.usefixtures("stand_in")
def test_a_fault_of_the_checks_is_told_and_the_judge_goes_on() -> None:
    verdicts = judged("a", "fault", "b")
    assert verdicts["fault"].error == "the checks are broken"
    pids = {verdicts[source].report["printed"] for source in "ab"}  # type: ignore[index]
    assert len(pids) == 1


def test_a_judge_that_cannot_start_stops_the_run_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge_pool, "_RUN", "raise SystemExit('no GPU here')")
    with pytest.raises(CourseError, match="no judge can be started: no GPU here"):
        judged("a", "b", jobs=2)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.skipif(os.name != "posix", reason="asks the system with a signal of number 0")
def test_no_judge_outlives_a_run_that_is_given_up() -> None:
    verdicts = run_judges([task("a", n) for n in range(50)], jobs=2, limits={})
    report = next(verdicts).report
    assert report is not None
    verdicts.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(report["printed"]), 0)


@pytest.mark.usefixtures("stand_in")
def test_judges_leave_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert len(judged("a", "die", "b", "babble", jobs=2)) == 4
    assert list(tmp_path.iterdir()) == []


def test_a_judge_does_not_look_for_modules_where_the_submissions_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a submission has run')")
    (tmp_path / "tutorial_lib").mkdir()
    (tmp_path / "tutorial_lib" / "__init__.py").write_text("raise SystemExit('a submission has run')")
    monkeypatch.chdir(tmp_path)
    start = judge_pool._RUN.partition("from {module}")[0]
    monkeypatch.setattr(judge_pool, "_RUN", start + "import json, tutorial_lib\n" + STAND_IN)
    assert judged("a")["a"].report is not None


@pytest.fixture
def bundle(tmp_path: Path, stand_in: None) -> Bundle:
    return make(tmp_path / "class")


def run(bundle: Bundle, out: str = "grades", **options: Any) -> list[GradingProgress]:
    seen: list[GradingProgress] = []
    top = bundle.folder.parent
    grade(
        top / "submissions", read_bundle(bundle.folder), top / out, Options(**options), progress=seen.append
    )
    return seen


def journal(bundle: Bundle, out: str = "grades") -> list[dict[str, Any]]:
    lines = (bundle.folder.parent / out / NAME).read_text().splitlines()
    return [json.loads(line) for line in lines]


def files(bundle: Bundle, out: str = "grades") -> dict[str, bytes]:
    folder = bundle.folder.parent / out
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_a_second_run_judges_nothing_and_writes_the_same_bytes(bundle: Bundle) -> None:
    first = run(bundle, jobs=2)
    before = files(bundle)
    second = run(bundle)
    assert (first[0].known, first[0].to_do, first[-1].done) == (0, 33, 33)
    assert (second[0].known, second[0].to_do) == (33, 0)
    assert files(bundle) == before
    assert not [name for name in before if name.endswith(PARTIAL)]


def test_a_run_that_was_stopped_goes_on_and_judges_no_answer_twice(bundle: Bundle) -> None:
    top = bundle.folder.parent

    def stop(progress: GradingProgress) -> None:
        if progress.done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade(top / "submissions", bundle, top / "grades", progress=stop)
    [*whole, last] = (top / "grades" / NAME).read_bytes().splitlines(keepends=True)
    # As after a power cut: half a line.
    (top / "grades" / NAME).write_bytes(b"".join(whole) + last[:50])
    going_on = run(bundle)
    assert (going_on[0].known, going_on[-1].done) == (9, 24)
    lines = (top / "grades" / NAME).read_bytes().splitlines(keepends=True)
    assert lines[:9] == whole
    keys = [json.loads(line)["key"] for n, line in enumerate(lines) if n != 9]
    assert len(keys) == len(set(keys)) == 33


def test_only_what_changed_is_judged_again(bundle: Bundle) -> None:
    run(bundle)
    with (bundle.folder / "hidden" / STREAM / "checks.py").open("a") as stream:
        stream.write("\n# stricter\n")
    again = run(bundle)
    assert {p.last.task.exercise.name for p in again if p.last} == {STREAM}
    assert again[0].to_do == 11
    folder = bundle.folder.parent / "submissions" / "grace-hopper"
    (folder / f"{DOUBLE}.py").write_text("def double_it(stream):\n    return stream + stream\n")
    [start, last] = run(bundle)
    assert (start.to_do, last.last and last.last.task.student) == (1, "grace")
    assert run(bundle, limits={"seconds": 5.0})[0].to_do == 33


def test_a_regrade_judges_everything_and_keeps_the_old_journal(bundle: Bundle) -> None:
    run(bundle)
    before = (bundle.folder.parent / "grades" / NAME).read_bytes()
    assert run(bundle, regrade=True)[0].to_do == 33
    assert (bundle.folder.parent / "grades" / "journal-1.jsonl").read_bytes() == before


def test_an_answer_whose_judge_failed_is_not_graded_and_comes_again_the_next_time(bundle: Bundle) -> None:
    answer = bundle.folder.parent / "submissions" / "grace-hopper" / f"{DOUBLE}.py"
    answer.write_text("die")
    run(bundle)
    grades = json.loads(files(bundle)["grades.json"])
    [grace] = [student for student in grades["students"] if student["id"] == "grace"]
    outcomes = {found["exercise"]: (found["outcome"], found["score"]) for found in grace["answers"]}
    assert outcomes[DOUBLE] == ("not graded", 0)
    assert run(bundle)[0].to_do == 1
    others = [found["outcome"] for student in grades["students"] for found in student["answers"]]
    assert others.count("not graded") == 1


def test_two_runs_at_once_do_not_write_into_the_same_folder(bundle: Bundle) -> None:
    with (
        open_journal(bundle.folder.parent / "grades"),
        pytest.raises(CourseError, match="another `hooking grade`"),
    ):
        run(bundle)


def test_a_journal_that_is_in_use_is_not_put_aside(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add({"key": "a"})
        with pytest.raises(CourseError, match="another `hooking grade`"), open_journal(tmp_path, anew=True):
            pass
        assert [file.name for file in tmp_path.iterdir()] == [NAME]


def test_a_record_that_follows_half_a_line_is_read_the_next_time(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.add({"key": "a"})
    with (tmp_path / NAME).open("ab") as stream:
        stream.write(b'{"key": "b"')
    with open_journal(tmp_path) as journal:
        journal.add({"key": "c"})
    with open_journal(tmp_path) as journal:
        assert list(journal.records) == ["a", "c"]


def test_a_record_is_on_the_disk_when_adding_it_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    with open_journal(tmp_path) as journal:
        journal.add({"key": "a"})
        assert synced == [len(b'{"key": "a"}\n')]


def test_grades_among_the_submissions_are_refused(bundle: Bundle) -> None:
    with pytest.raises(CourseError, match="taken for a submission"):
        run(bundle, out="submissions/grades")


def test_an_answer_in_another_encoding_is_read_as_it_says_and_no_text_is_told(bundle: Bundle) -> None:
    folder = bundle.folder.parent / "submissions" / "grace-hopper"
    (folder / f"{DOUBLE}.py").write_bytes("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    (folder / f"{STREAM}.py").write_bytes(b"x = '\xff'\n")
    tasks = {
        p.last.task.exercise.name: p.last.task
        for p in run(bundle)
        if p.last and p.last.task.student == "grace"
    }
    assert tasks[DOUBLE].source == "# coding: latin-1\nx = 'é'\n"
    assert STREAM not in tasks
    grades = json.loads(files(bundle)["grades.json"])
    [found] = [
        a for s in grades["students"] if s["id"] == "grace" for a in s["answers"] if a["exercise"] == STREAM
    ]
    assert found["outcome"] == "syntax error"
    assert "Save it as UTF-8" in found["message"]


def test_a_codec_that_is_slow_on_purpose_is_not_used(bundle: Bundle) -> None:
    folder = bundle.folder.parent / "submissions" / "grace-hopper"
    (folder / f"{DOUBLE}.py").write_bytes(b"# coding: punycode\n" + b"a" * 200_000 + b"-b\n")
    assert DOUBLE not in {
        p.last.task.exercise.name for p in run(bundle) if p.last and p.last.task.student == "grace"
    }
