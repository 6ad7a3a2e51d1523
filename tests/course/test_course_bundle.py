"""An instructor's folder: what is in it, what follows from its secret, and what is refused."""

import os
import stat
from pathlib import Path

import pytest

from tutorial_lib.course import CourseError
from tutorial_lib.course.bundle import Bundle, new_bundle, read_bundle
from tutorial_lib.course.roster import read_roster
from tutorial_lib.course.variants import grading_seed, is_seal, seal, variant

PRINT = "01_hooks/print_a_shape"
SECRET, OTHER = b"a" * 32, b"b" * 32


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return new_bundle(tmp_path / "bundle", "hooks-1", [PRINT])


def test_a_new_bundle_can_be_read_and_has_what_was_asked_for(bundle: Bundle) -> None:
    again = read_bundle(bundle.folder)
    assert again.name == "hooks-1"
    assert list(again.exercises) == [PRINT]
    assert again.secret == bundle.secret
    assert again.roster == {}


def test_two_bundles_have_different_secrets(bundle: Bundle, tmp_path: Path) -> None:
    assert new_bundle(tmp_path / "other", "hooks-1", [PRINT]).secret != bundle.secret


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such modes")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_nobody_else_can_read_the_secret_and_a_readable_one_is_refused(bundle: Bundle, mode: int) -> None:
    secret = bundle.folder / "secret"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    secret.chmod(mode)
    with pytest.raises(CourseError, match="chmod 600"):
        read_bundle(bundle.folder)


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "grades.txt").write_text("mine")
    with pytest.raises(CourseError, match="not empty"):
        new_bundle(tmp_path, "hooks-1", [PRINT])
    assert [path.name for path in tmp_path.iterdir()] == ["grades.txt"]


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("course.toml", "name =", "title =", "unknown \\['title'\\]"),
        ("course.toml", '"hooks-1"', '"a/b"', "'a/b' cannot name files"),
        ("course.toml", f'    "{PRINT}",', '    "01_hooks/print_a_shap",', f"close ones: {PRINT}"),
        ("course.toml", f'    "{PRINT}",', f'    "{PRINT}",\n    "{PRINT}",', "there twice"),
        ("course.toml", f'"{PRINT}" = 1', f'"{PRINT}" = 0', "1 or more points"),
        ("course.toml", f'"{PRINT}" = 1', '"01_hooks/x" = 1', "not among the exercises"),
        ("secret", "", "x", "64 hexadecimal digits"),
    ],
)
def test_a_wrong_line_is_named(bundle: Bundle, file: str, old: str, new: str, message: str) -> None:
    path = bundle.folder / file
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CourseError, match=message):
        read_bundle(bundle.folder)


@pytest.mark.parametrize("digits", [0, 32, 62])
def test_a_short_secret_is_refused(bundle: Bundle, digits: int) -> None:
    (bundle.folder / "secret").write_text("a" * digits)
    with pytest.raises(CourseError, match="at least 64 hexadecimal digits"):
        read_bundle(bundle.folder)


def test_hidden_checks_of_no_exercise_are_an_error_since_they_would_never_run(bundle: Bundle) -> None:
    folder = bundle.folder / "hidden" / "01_hooks" / "print_shape"
    folder.mkdir(parents=True)
    (folder / "checks.py").write_text("")
    with pytest.raises(CourseError, match="would never run"):
        read_bundle(bundle.folder)


def test_points_of_the_course_take_the_place_of_the_exercises(bundle: Bundle) -> None:
    toml = bundle.folder / "course.toml"
    toml.write_text(toml.read_text().replace(f'"{PRINT}" = 1', f'"{PRINT}" = 7'))
    assert read_bundle(bundle.folder).exercises[PRINT].points == 7


def test_a_variant_is_always_the_same_and_another_for_each_student_exercise_and_secret() -> None:
    assert variant(SECRET, "ada", PRINT) == variant(SECRET, "ada", PRINT) == 277228110017377
    others = [(SECRET, "grace", PRINT), (SECRET, "ada", "01_hooks/other"), (OTHER, "ada", PRINT)]
    values = {variant(*other) for other in others} | {variant(SECRET, "ada", PRINT)}
    assert len(values) == 4
    assert grading_seed(SECRET, "ada", PRINT) not in values


def test_where_a_name_ends_makes_a_difference() -> None:
    assert variant(SECRET, "ada", "x/y") != variant(SECRET, "ad", "ax/y")


def test_a_seal_fits_one_student_of_one_course() -> None:
    assert is_seal(SECRET, "ada", seal(SECRET, "ada"))
    for wrong in (seal(SECRET, "grace"), seal(OTHER, "ada"), "", None, 5, "\udc80"):
        assert not is_seal(SECRET, "ada", wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id\nada\n", "no column 'student_id'"),
        ("student_id,first\nada,Ada\n", "unknown columns \\['first'\\]"),
        ("student_id\nada\nADA\n", "line 3: 'ADA' is there already"),
        ("student_id\n../ada\n", "cannot name files"),
        ("student_id\nNUL\n", "cannot name files"),
        ("student_id\nnul.txt\n", "cannot name files"),
        ("student_id\nada.\n", "cannot name files"),
        (f"student_id\n{'a' * 65}\n", "cannot name files"),
        ("student_id\nada,Ada\n", "2 cells for 1 columns"),
    ],
)
def test_a_wrong_roster_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "roster.csv"
    file.write_text(text)
    with pytest.raises(CourseError, match=message):
        read_roster(file)


def test_a_roster_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes("\ufeffstudent_id,first_name,last_name\r\nada, Ada ,Lovelace\r\n".encode())
    student = read_roster(file)["ada"]
    assert (student.first_name, student.sortable_name) == ("Ada", "Lovelace, Ada")
