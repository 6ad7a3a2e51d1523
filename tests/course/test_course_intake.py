"""Whose a submission is, and which of several counts: nobody can touch another student's grade."""

import json
import os
import shutil
from pathlib import Path

import pytest

from tools.exercises.sample_class import DOUBLE, EVENING, MORNING, make
from tutorial_lib.course import CourseError
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.intake import IGNORED, SUPERSEDED, UNREADABLE, Intake, take_in
from tutorial_lib.course.owner import CONFLICT, UNKNOWN
from tutorial_lib.course.variants import seal


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return make(tmp_path_factory.mktemp("sample") / "class")


def hand_in(folder: Path, text: str, **claim: str | None) -> None:
    """A folder with one answer, and with a manifest where it claims something."""
    (folder / "90_own").mkdir(parents=True)
    (folder / f"{DOUBLE}.py").write_text(text)
    if claim:
        (folder / "manifest.json").write_text(json.dumps({"course": "sample", **claim}))


def kinds(intake: Intake) -> dict[str, str]:
    return {problem.submission: problem.kind for problem in intake.problems}


@pytest.mark.parametrize(
    "name",
    [
        "ada",
        "ADA",
        "ada@example.org",
        "ada-lovelace",
        "s01",
        "Ada Lovelace",
        "Lovelace, Ada",
        "Lovelace Ada",
        "\uff41da",  # the same letter, written in another way
        "lovelaceada_1_2_x.y",
    ],
)
def test_a_folder_is_known_by_what_systems_call_a_student(bundle: Bundle, tmp_path: Path, name: str) -> None:
    hand_in(tmp_path / name, "x = 1")
    intake = take_in(tmp_path, bundle)
    assert list(intake.submissions) == ["ada"]
    assert not intake.submissions["ada"].proved


def test_a_seal_proves_a_student_whatever_the_name(bundle: Bundle, tmp_path: Path) -> None:
    hand_in(tmp_path / "upload 17", "x = 1", student="ada", seal=seal(bundle.secret, "ada"))
    assert take_in(tmp_path, bundle).submissions["ada"].proved


@pytest.mark.parametrize("forged", [None, "", "0" * 64, "grace"])
def test_a_manifest_without_the_students_seal_proves_nothing(
    bundle: Bundle, tmp_path: Path, forged: str | None
) -> None:
    hand_in(
        tmp_path / "upload", "x = 1", student="ada", seal=seal(bundle.secret, "grace") if forged else forged
    )
    intake = take_in(tmp_path, bundle)
    assert intake.submissions == {}
    assert kinds(intake) == {"upload": UNKNOWN}
    assert "ada.zip" in intake.problems[0].message


def test_a_name_in_a_manifest_that_is_no_short_text_counts_as_none(bundle: Bundle, tmp_path: Path) -> None:
    hand_in(tmp_path / "1", "x = 1", student="a" * 201)
    hand_in(tmp_path / "2", "x = 1", student="a" * 200)
    first, second = (problem.message for problem in take_in(tmp_path, bundle).problems)
    assert first.startswith("neither its name nor a manifest says whose it is")
    assert second.endswith(
        "is not in the roster; name the zip or folder after the student's id, such as ada.zip"
    )


def test_what_a_system_hides_among_the_submissions_is_not_told_about(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / ".DS_Store").write_text("")
    hand_in(tmp_path / ".ada", "x = 1")
    intake = take_in(tmp_path, bundle)
    assert (intake.submissions, intake.problems) == ({}, [])


def test_a_forged_manifest_does_not_touch_the_student_whom_it_names(bundle: Bundle, tmp_path: Path) -> None:
    sealed = seal(bundle.secret, "ada")
    hand_in(tmp_path / "ada", "mine", student="ada", seal=sealed, time=MORNING)
    hand_in(tmp_path / "grace", "forged", student="ada", seal="f" * 64, time=EVENING)
    hand_in(tmp_path / "z", "forged", student="ada", time=EVENING)
    intake = take_in(tmp_path, bundle)
    assert intake.submissions["ada"].files == {DOUBLE: b"mine"}
    assert list(intake.submissions) == ["ada"]
    assert kinds(intake) == {"grace": CONFLICT, "z": UNKNOWN}


def test_a_copy_of_another_students_sealed_work_counts_for_neither(bundle: Bundle, tmp_path: Path) -> None:
    sealed = seal(bundle.secret, "ada")
    hand_in(tmp_path / "upload", "mine", student="ada", seal=sealed, time=MORNING)
    hand_in(tmp_path / "grace", "stolen", student="ada", seal=sealed, time=EVENING)
    intake = take_in(tmp_path, bundle)
    assert intake.submissions["ada"].files == {DOUBLE: b"mine"}
    assert kinds(intake) == {"grace": CONFLICT}


def test_work_without_a_seal_does_not_take_the_place_of_sealed_work(bundle: Bundle, tmp_path: Path) -> None:
    hand_in(tmp_path / "upload", "mine", student="ada", seal=seal(bundle.secret, "ada"), time=MORNING)
    hand_in(tmp_path / "ada", "slipped in", student="ada", time=EVENING)
    intake = take_in(tmp_path, bundle)
    assert intake.submissions["ada"].files == {DOUBLE: b"mine"}
    assert kinds(intake) == {"ada": SUPERSEDED}


def test_the_latest_of_several_counts_and_one_without_a_time_is_the_oldest(
    bundle: Bundle, tmp_path: Path
) -> None:
    sealed = seal(bundle.secret, "ada")
    hand_in(tmp_path / "1", "late", student="ada", seal=sealed, time=EVENING)
    hand_in(tmp_path / "2", "early", student="ada", seal=sealed, time=MORNING)
    hand_in(tmp_path / "3", "whenever", student="ada", seal=sealed, time="2999-99-99T00:00:00Z")
    intake = take_in(tmp_path, bundle)
    assert intake.submissions["ada"].files == {DOUBLE: b"late"}
    assert kinds(intake) == {"2": SUPERSEDED, "3": SUPERSEDED}


def test_a_name_that_fits_two_students_is_nobodys(bundle: Bundle, tmp_path: Path) -> None:
    roster = bundle.folder / "roster.csv"
    before = roster.read_text()
    twins = "student_id,first_name,last_name\nb1,Pat,Bell\nb2,Pat,Bell\n"
    try:
        roster.write_text(twins)
        again = Bundle(bundle.folder, bundle.name, bundle.exercises, bundle.secret)
        hand_in(tmp_path / "Pat Bell", "x = 1")
        assert kinds(take_in(tmp_path, again)) == {"Pat Bell": CONFLICT}
    finally:
        roster.write_text(before)


def test_what_a_student_may_choose_in_a_name_is_not_taken_for_a_student(
    bundle: Bundle, tmp_path: Path
) -> None:
    hand_in(tmp_path / "lovelaceada_1_2_grace", "x = 1")
    hand_in(tmp_path / "work of grace", "x = 1")
    hand_in(tmp_path / "17_grace", "x = 1")
    intake = take_in(tmp_path, bundle)
    assert list(intake.submissions) == ["ada"]
    assert kinds(intake) == {"work of grace": UNKNOWN, "17_grace": UNKNOWN}


@pytest.mark.parametrize(
    "manifest",
    [b"\xff", b"[]", b"[" * 100_000, b"{", b'{"student": ["ada"]}', b'{"time": ' + b"9" * 5000 + b"}"],
)
def test_a_manifest_that_is_nonsense_is_noted_and_the_work_is_taken(
    bundle: Bundle, tmp_path: Path, manifest: bytes
) -> None:
    hand_in(tmp_path / "ada", "x = 1")
    (tmp_path / "ada" / "manifest.json").write_bytes(manifest)
    submission = take_in(tmp_path, bundle).submissions["ada"]
    assert submission.files == {DOUBLE: b"x = 1"}
    assert len(submission.notes) >= 1


def test_a_file_that_was_changed_after_the_manifest_is_noted(bundle: Bundle, tmp_path: Path) -> None:
    hand_in(tmp_path / "ada", "x = 1", student="ada")
    claim = {"course": "sample", "student": "ada", "files": {f"{DOUBLE}.py": "0" * 64}}
    (tmp_path / "ada" / "manifest.json").write_text(json.dumps(claim))
    assert take_in(tmp_path, bundle).submissions["ada"].notes == (
        f"{DOUBLE}.py was changed after the manifest was written",
    )


def test_another_course_in_the_manifest_is_noted(bundle: Bundle, tmp_path: Path) -> None:
    hand_in(tmp_path / "ada", "x = 1", student="ada", course="other\x1b[2J")
    [note] = take_in(tmp_path, bundle).submissions["ada"].notes
    assert note == "it says to be of the course 'other\\x1b[2J', not 'sample'"


def test_a_folder_around_the_work_is_looked_through(bundle: Bundle, tmp_path: Path) -> None:
    hand_in(tmp_path / "ada" / "my work", "x = 1")
    assert take_in(tmp_path, bundle).submissions["ada"].files == {DOUBLE: b"x = 1"}


@pytest.mark.skipif(os.name != "posix", reason="Windows lets only administrators make symbolic links")
def test_a_link_to_the_work_of_another_student_is_neither_read_nor_looked_through(
    bundle: Bundle, tmp_path: Path
) -> None:
    hand_in(tmp_path / "elsewhere" / "ada", "the other student's")
    shutil.make_archive(str(tmp_path / "elsewhere" / "work"), "zip", tmp_path / "elsewhere" / "ada")
    work, folder = tmp_path / "elsewhere" / "work.zip", tmp_path / "submissions"
    (folder / "grace").mkdir(parents=True)
    (folder / "grace" / "work.zip").symlink_to(work)
    (folder / "hedy.zip").symlink_to(work)
    (folder / "barbara").symlink_to(tmp_path / "elsewhere" / "ada")
    intake = take_in(folder, bundle)
    assert {student: each.files for student, each in intake.submissions.items()} == {"grace": {}}
    assert kinds(intake) == {"hedy.zip": UNREADABLE, "barbara": UNREADABLE}


@pytest.mark.skipif(os.name != "posix", reason="Windows lets only administrators make symbolic links")
def test_the_only_answer_of_a_folder_that_is_refused_is_told(bundle: Bundle, tmp_path: Path) -> None:
    file = tmp_path / "ada" / f"{DOUBLE}.py"
    hand_in(tmp_path / "ada", "x = 1")
    file.unlink()
    file.symlink_to(tmp_path)
    assert list(take_in(tmp_path, bundle).submissions["ada"].refused) == [DOUBLE]


@pytest.mark.skipif(os.name != "posix", reason="the false git is a shell script")
def test_a_checkout_is_read_and_git_does_not_run(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = tmp_path / "git"
    git.write_text(f"#!/bin/sh\ntouch {tmp_path}/git-has-run\n")
    git.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    intake = take_in(bundle.folder.parent / "submissions", bundle)
    assert intake.submissions["grace"].kind == "git"
    assert intake.submissions["grace"].proved
    assert len(intake.submissions["grace"].files) == 3
    assert not (tmp_path / "git-has-run").exists()


def test_everything_in_the_folder_is_taken_or_told_about(bundle: Bundle) -> None:
    folder = bundle.folder.parent / "submissions"
    intake = take_in(folder, bundle)
    assert list(intake.submissions) == list(bundle.roster)
    taken = {submission.name for submission in intake.submissions.values()}
    assert taken | kinds(intake).keys() == {path.name for path in folder.iterdir()}
    assert kinds(intake) == {
        "barbara_again.zip": CONFLICT,
        "broken.zip": UNREADABLE,
        "hedy-1.zip": SUPERSEDED,
        "notes.txt": IGNORED,
    }


def test_an_empty_roster_and_a_missing_folder_are_told(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match="no folder"):
        take_in(tmp_path / "nowhere", bundle)
    roster = bundle.folder / "roster.csv"
    before = roster.read_text()
    try:
        roster.write_text("student_id\n")
        with pytest.raises(CourseError, match="has no students"):
            take_in(tmp_path, Bundle(bundle.folder, bundle.name, bundle.exercises, bundle.secret))
    finally:
        roster.write_text(before)
