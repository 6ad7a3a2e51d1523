"""A student's folder: what is written into it, how far they are, and that nothing of theirs is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_exercises import SOLUTION, STARTER, WRONG, a_workspace, add_exercise, add_three
from tutorial_lib.checker.report import FAILED, NOT_ATTEMPTED, PASSED, Report
from tutorial_lib.exercises.catalog import ExerciseError, find_exercises
from tutorial_lib.files import write_whole
from tutorial_lib.workspace import student_files
from tutorial_lib.workspace.filling import fill
from tutorial_lib.workspace.progress import ExerciseRecord, Progress
from tutorial_lib.workspace.workspace import CHANGED, DONE, STARTED, TO_DO, Workspace, WorkspaceError

FIRST, SECOND, THIRD = "01_one/first", "01_one/second", "02_two/third"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three exercises of its own, as a release has them; its path has a space and an umlaut."""
    folder = tmp_path / "Übungen of me"
    add_three(folder / ".hooking" / "exercises")
    return folder


@pytest.fixture
def workspace(folder: Path) -> Workspace:
    return a_workspace(folder)


def below(folder: Path) -> dict[str, bytes]:
    """Every file that a student sees, with its content."""
    found = (path for path in folder.rglob("*") if path.is_file() and ".hooking" not in path.parts)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


# Writing the exercises


def test_a_task_a_starter_and_a_readme_are_written(folder):
    filled = fill(folder)
    assert (
        set(filled.written)
        == set(below(folder))
        == {
            "README.md",
            *(f"{name}{end}" for name in (FIRST, SECOND, THIRD) for end in (".md", ".py")),
        }
    )
    assert (folder / "01_one" / "first.py").read_text(encoding="utf-8") == STARTER
    assert "`double(x)` of 01_one/first" in (folder / "01_one" / "first.md").read_text(encoding="utf-8")
    assert "hooking check" in (folder / "README.md").read_text(encoding="utf-8")
    assert filled.updated == filled.kept == ()


def test_without_a_release_the_exercises_are_those_of_the_package(tmp_path):
    workspace = a_workspace(tmp_path)
    assert list(workspace.exercises) == list(find_exercises())
    for name in workspace.exercises:
        assert workspace.answer_path(name).is_file()
        assert workspace.task_path(name).is_file()


def test_what_is_there_is_kept_and_told(folder):
    mine = {"README.md": b"mine", "01_one/first.py": b"x = 1\r\n", "01_one/second.md": b"my notes"}
    for name, content in mine.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    filled = fill(folder)
    assert set(filled.kept) == set(mine)
    assert {name: below(folder)[name] for name in mine} == mine
    assert "02_two/third.py" in filled.written


def test_a_second_start_changes_nothing(folder):
    fill(folder)
    before = below(folder)
    filled = fill(folder)
    assert (filled.written, filled.updated, filled.kept) == ((), (), ())
    assert below(folder) == before


def test_a_later_start_adds_new_exercises_and_keeps_answers(folder, workspace):
    workspace.answer_path(FIRST).write_text(WRONG, encoding="utf-8")
    add_exercise(folder / ".hooking" / "exercises", "03_new/fourth")
    filled = fill(folder)
    assert filled.written == ("03_new/fourth.md", "03_new/fourth.py")
    assert filled.kept == ("01_one/first.py",)
    assert workspace.answer_path(FIRST).read_text(encoding="utf-8") == WRONG


def test_a_deleted_file_comes_back(folder, workspace):
    workspace.task_path(FIRST).unlink()
    assert fill(folder).written == ("01_one/first.md",)


def test_a_new_wording_replaces_only_what_the_student_has_not_touched(folder, workspace):
    workspace.task_path(SECOND).write_text("my notes", encoding="utf-8")
    # An editor or git on Windows changes the line ends; that is not the student's doing.
    task = workspace.task_path(FIRST)
    task.write_bytes(task.read_bytes().replace(b"\n", b"\r\n"))
    for name in (FIRST, SECOND):
        add_exercise(folder / ".hooking" / "exercises", name, task="# Twice\n\nNew words.\n")
    filled = fill(folder)
    assert filled.updated == ("01_one/first.md",)
    assert filled.kept == ("01_one/second.md",)
    assert "New words" in task.read_text(encoding="utf-8")
    assert workspace.task_path(SECOND).read_text(encoding="utf-8") == "my notes"


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(WorkspaceError, match="is a file: name a folder"):
        fill(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_within_the_exercises_is_refused(folder, workspace):
    with pytest.raises(WorkspaceError, match="lies within the exercises of"):
        fill(folder / "01_one")
    assert not (folder / "01_one" / ".hooking").exists()


# Choosing


@pytest.mark.parametrize(
    ("asked", "there"),
    [
        (None, [FIRST, SECOND, THIRD]),
        (["all"], [FIRST, SECOND, THIRD]),
        (["01_one"], [FIRST, SECOND]),
        (["third"], [THIRD]),
        ([SECOND, "02_two"], [SECOND, THIRD]),
    ],
)
def test_exercises_are_chosen_by_name_or_topic(folder, asked, there):
    assert list(a_workspace(folder, asked).exercises) == there
    assert {name for name in below(folder) if name.endswith(".py")} == {f"{name}.py" for name in there}


def test_exercises_may_be_given_as_such(folder):
    known = find_exercises(folder / ".hooking" / "exercises")
    assert list(a_workspace(folder, [known[SECOND]]).exercises) == [SECOND]


def test_a_choice_is_remembered_and_grows(folder):
    a_workspace(folder, ["first"])
    assert list(a_workspace(folder).exercises) == [FIRST]
    assert list(a_workspace(folder, ["third"]).exercises) == [FIRST, THIRD]
    assert list(a_workspace(folder, ["all"]).exercises) == [FIRST, SECOND, THIRD]
    assert list(a_workspace(folder, ["first"]).exercises) == [FIRST, SECOND, THIRD]


def test_a_chosen_topic_gets_its_new_exercises(folder):
    a_workspace(folder, ["01_one"])
    add_exercise(folder / ".hooking" / "exercises", "01_one/new")
    add_exercise(folder / ".hooking" / "exercises", "02_two/new")
    assert list(a_workspace(folder).exercises) == [FIRST, SECOND, "01_one/new"]


@pytest.mark.parametrize("asked", [["fist"], ["first", "99_topic"], ["all", "fist"]])
def test_an_unknown_exercise_is_refused_before_anything_is_written(folder, asked):
    with pytest.raises(ExerciseError, match=r"no exercise '(fist|99_topic)'; close ones: "):
        fill(folder, asked)
    assert below(folder) == {}


def test_an_empty_choice_is_refused(folder):
    with pytest.raises(ExerciseError, match="no exercise is chosen"):
        fill(folder, [])


# Finding


def test_the_place_is_found_from_every_folder_in_it(folder, workspace):
    for start in (folder, folder / "01_one", workspace.answer_path(FIRST), folder / "01_one" / "not there"):
        assert Workspace.find(start).folder == folder


def test_a_place_without_exercises_says_how_to_make_them(tmp_path):
    with pytest.raises(WorkspaceError, match="`hooking start DIR` writes them"):
        Workspace.find(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "first",
        "first.py",
        "first.md",
        "01_one/first",
        "01_one\\first",
        "01_one/first.py",
        "./01_one/first.py",
        ".\\01_one\\first.py",
        "01_one//first/",
        "C:\\Users\\me\\Übungen of me\\01_one\\first.py",
        "/home/me/my work/01_one/first.py",
    ],
)
def test_an_exercise_is_named_in_many_ways(workspace, name):
    assert workspace.exercise(name).name == FIRST


@pytest.mark.parametrize("name", ["fist", "01_one", "", "/"])
def test_a_name_of_no_exercise_is_refused_with_close_ones(workspace, name):
    with pytest.raises(ExerciseError, match=r"close ones: .*hooking list"):
        workspace.exercise(name)


# How far the student is


def passed(name: str = FIRST) -> Report:
    return Report(name, PASSED)


def test_a_starter_is_to_do_whatever_its_comments_and_line_ends(workspace):
    path = workspace.answer_path(FIRST)
    assert workspace.state(FIRST) == TO_DO
    path.write_bytes(b"\xef\xbb\xbf# soon\r\n" + STARTER.replace("\n", "\r\n").encode())
    assert workspace.state(FIRST) == TO_DO
    path.unlink()
    assert workspace.state(FIRST) == TO_DO


@pytest.mark.parametrize("content", [WRONG.encode(), b"def (", b"", b"x = '\xe9'\n", b"a\0b"])
def test_any_other_file_is_started(workspace, content):
    workspace.answer_path(FIRST).write_bytes(content)
    assert workspace.state(FIRST) == STARTED


def test_what_has_passed_is_done_until_the_file_is_another(workspace):
    path = workspace.answer_path(FIRST)
    path.write_text(SOLUTION, encoding="utf-8")
    workspace.note_check(passed(), SOLUTION)
    assert workspace.state(FIRST) == DONE
    path.write_bytes(SOLUTION.replace("\n", "\r\n").encode())
    assert workspace.state(FIRST) == DONE
    path.write_text(WRONG, encoding="utf-8")
    workspace.note_check(Report(FIRST, FAILED, "wrong"), WRONG)
    assert workspace.state(FIRST) == CHANGED
    path.write_text(SOLUTION, encoding="utf-8")
    assert Workspace(workspace.folder).state(FIRST) == DONE
    path.write_text(STARTER, encoding="utf-8")
    assert workspace.state(FIRST) == TO_DO


def test_checks_are_counted_but_not_those_of_a_starter(workspace):
    workspace.note_check(Report(FIRST, NOT_ATTEMPTED), STARTER)
    assert workspace.progress[FIRST] == ExerciseRecord()
    workspace.note_check(Report(FIRST, FAILED), WRONG)
    workspace.note_check(passed(), SOLUTION)
    record = workspace.progress[FIRST]
    assert (record.checks, record.outcome) == (2, PASSED)
    first = record.passed
    workspace.progress.update(FIRST, passed="2020-01-01T00:00:00+00:00")
    workspace.note_check(passed(), SOLUTION)
    assert workspace.progress[FIRST].passed == "2020-01-01T00:00:00+00:00", "the first time counts"
    assert first


def test_the_next_one_is_the_first_that_is_not_done(workspace):
    assert workspace.next().name == FIRST
    for name, following in ((FIRST, SECOND), (SECOND, THIRD)):
        workspace.answer_path(name).write_text(SOLUTION, encoding="utf-8")
        workspace.note_check(passed(name), SOLUTION)
        assert workspace.next().name == following
    workspace.answer_path(THIRD).write_text(SOLUTION, encoding="utf-8")
    workspace.note_check(passed(THIRD), SOLUTION)
    assert workspace.next() is None


def test_what_waits_for_another_exercise_comes_after_it(folder):
    root = folder / ".hooking" / "exercises"
    add_exercise(root, FIRST, prerequisites=(THIRD,))
    add_exercise(root, THIRD)
    workspace = a_workspace(folder)
    assert workspace.next().name == SECOND
    workspace.answer_path(SECOND).write_text(SOLUTION, encoding="utf-8")
    workspace.note_check(passed(SECOND), SOLUTION)
    assert workspace.next().name == THIRD


def test_reset_brings_the_starter_back_and_keeps_every_file(workspace):
    path = workspace.answer_path(FIRST)
    kept = []
    for content in (WRONG.encode(), b"\xff not even text", SOLUTION.encode()):
        path.write_bytes(content)
        where = workspace.reset(FIRST)
        assert where is not None
        kept.append((where, content))
        assert path.read_text(encoding="utf-8") == STARTER
    assert [where.read_bytes() for where, _ in kept] == [content for _, content in kept]
    assert workspace.reset(FIRST) is None
    path.unlink()
    assert workspace.reset(FIRST) is None
    assert path.read_text(encoding="utf-8") == STARTER


def test_a_file_that_is_gone_says_how_to_get_it_back(workspace):
    workspace.answer_path(FIRST).unlink()
    with pytest.raises(WorkspaceError, match=r"first\.py is not there: `hooking reset 01_one/first`"):
        workspace.source(FIRST)


# The course


def test_what_the_release_says_is_read(folder):
    facts = {"course": "Hooks", "student": "s1", "variants": {FIRST: 17}, "seal": "x"}
    course = a_workspace(folder, course=facts).course
    assert (course.course, course.student, course.variants) == ("Hooks", "s1", {FIRST: 17})
    assert course.fields == facts
    assert json.loads((folder / ".hooking" / "course.json").read_text(encoding="utf-8")) == facts


def test_a_student_alone_has_no_course(workspace):
    assert workspace.course.course is None
    assert workspace.course.variants == {}


@pytest.mark.parametrize(
    ("text", "said"), [("{", "is no JSON"), ("[]", "whole number"), ('{"variants": {"a/b": "x"}}', "whole")]
)
def test_a_broken_course_is_refused(folder, workspace, text, said):
    (folder / ".hooking" / "course.json").write_text(text)
    with pytest.raises(WorkspaceError, match=said):
        _ = workspace.course


# The files behind it


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "progress.json")


def test_progress_survives(progress):
    progress.update("a/b", hints=2)
    progress.update("c/d", outcome="failed")
    again = Progress(progress.file)
    assert again["a/b"] == ExerciseRecord(hints=2)
    assert again.all() == {"a/b": ExerciseRecord(hints=2), "c/d": ExerciseRecord(outcome="failed")}
    assert again["e/f"] == ExerciseRecord()


def test_two_commands_side_by_side_do_not_undo_each_other(progress):
    other = Progress(progress.file)
    progress.update("a/b", hints=1)
    other.update("a/b", checks=1)
    progress.update("c/d", hints=1)
    assert other.all() == {"a/b": ExerciseRecord(checks=1, hints=1), "c/d": ExerciseRecord(hints=1)}


@pytest.mark.parametrize(
    ("content", "read"),
    [
        (b"{", {}),
        (b"\xff\xfe", {}),
        (b"[1]", {}),
        (b'{"a/b": {"hints": 2}}', {}),
        (b'{"format": 2, "exercises": {"a/b": {"hints": 2}}}', {"a/b": ExerciseRecord(hints=2)}),
        (b'{"exercises": {"a/b": {"hints": 2}}}', {"a/b": ExerciseRecord(hints=2)}),
        (
            b'{"format": 1, "exercises": {"a/b": {"hints": "x", "checks": 1}}}',
            {"a/b": ExerciseRecord(checks=1)},
        ),
        (b'{"format": 1, "exercises": {"a/b": [1]}}', {"a/b": ExerciseRecord()}),
    ],
)
def test_a_file_that_is_not_understood_is_kept_and_told_once(progress, content, read):
    progress.file.write_bytes(content)
    assert progress.all() == read
    progress.update("c/d", hints=1)
    assert progress.all() == {**read, "c/d": ExerciseRecord(hints=1)}
    assert len(progress.notes) == 1
    assert "cannot be read in full" in progress.notes[0]
    assert "progress.1.json" in progress.notes[0]
    assert (progress.file.parent / "progress.1.json").read_bytes() == content


def test_a_file_that_stays_broken_is_kept_once(progress):
    progress.file.write_bytes(b"{")
    for _ in range(3):
        assert Progress(progress.file).all() == {}
    assert sorted(path.name for path in progress.file.parent.iterdir()) == [
        "progress.1.json",
        "progress.json",
    ]


def test_what_a_newer_version_knows_of_an_exercise_stays(progress):
    progress.file.write_text('{"format": 1, "exercises": {"a/b": {"hints": 1, "mood": "good"}}}')
    progress.update("a/b", hints=2)
    assert json.loads(progress.file.read_text())["exercises"]["a/b"]["mood"] == "good"
    assert progress.notes == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    file = tmp_path / "a.json"
    write_whole(file, "old")

    def fails(*arguments):
        raise OSError("no room")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="no room"):
        write_whole(file, "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "old")]


def test_a_written_file_is_utf_8_with_unix_line_ends(tmp_path):
    write_whole(tmp_path / "new" / "a.txt", "é →\n")
    assert (tmp_path / "new" / "a.txt").read_bytes() == "é →\n".encode()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_written_file_has_the_permissions_of_any_other(tmp_path):
    (tmp_path / "plain").write_text("")
    write_whole(tmp_path / "whole", "")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode
    (tmp_path / "whole").chmod(0o600)
    write_whole(tmp_path / "whole", "again")
    assert (tmp_path / "whole").stat().st_mode & 0o777 == 0o600


def test_a_copy_takes_the_first_free_name(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("one")
    names = [student_files.keep_copy(file, tmp_path / "kept").name for _ in range(3)]
    assert names == ["a.1.py", "a.2.py", "a.3.py"]


@pytest.mark.parametrize(
    "content",
    [
        "x = 'é'\n".encode(),
        "x = 'é'\r\n".encode(),
        b"\xef\xbb\xbf" + "x = 'é'\r\n".encode(),
    ],
)
def test_a_python_file_is_read_as_python_reads_it(tmp_path, content):
    (tmp_path / "a.py").write_bytes(content)
    assert student_files.read_source(tmp_path / "a.py") == "x = 'é'\n"


def test_the_encoding_that_a_file_declares_counts(tmp_path):
    (tmp_path / "a.py").write_bytes("# coding: latin-1\nx = 'é'\n".encode("latin-1"))
    assert student_files.read_source(tmp_path / "a.py") == "# coding: latin-1\nx = 'é'\n"


@pytest.mark.parametrize(
    "content", ["x = 'é'".encode("latin-1"), "x = 1".encode("utf-16"), b"# coding: nope\n"]
)
def test_a_file_in_another_encoding_than_it_says_is_no_python(tmp_path, content):
    (tmp_path / "a.py").write_bytes(content)
    with pytest.raises(SyntaxError):
        student_files.read_source(tmp_path / "a.py")


def test_none_of_this_loads_torch():
    code = (
        "import sys; import tutorial_lib.workspace.workspace, tutorial_lib.workspace.filling; "
        "import tutorial_lib.checker.local; "
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout == "[]\n", run.stdout + run.stderr
