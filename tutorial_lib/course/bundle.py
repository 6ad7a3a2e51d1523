"""The instructor's private folder. Nothing of it goes to students but what `release` writes.

course.toml                           name, exercises, points
secret                                random; variants, seeds and signatures follow from it
roster.csv                            who takes part
hidden/<nn_topic>/<slug>/checks.py    more checks, and an observe.py where they look at other things
exercises/<nn_topic>/<slug>/          own exercises; one of the package's name takes its place
"""

import datetime
import os
import secrets
import stat
import sys
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tutorial_lib.course import CourseError
from tutorial_lib.course.roster import COLUMNS, Student, check_id, read_roster
from tutorial_lib.exercises import catalog
from tutorial_lib.exercises.catalog import Exercise, ExerciseError, find_exercises

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FIELDS = {"name": str, "exercises": list, "points": dict, "due": (str, datetime.datetime, datetime.date)}


@dataclass(frozen=True)
class Bundle:
    """A course, as its folder says.

    Attributes:
        folder: of the bundle.
        name: of the course; it stands in every submission.
        exercises: by name, in the order of `course.toml`, with this course's points.
        secret: 32 bytes.
        due: when submissions are due, as the instructor wrote it; shown, never enforced.
    """

    folder: Path
    name: str
    exercises: dict[str, Exercise]
    secret: bytes
    due: str = ""

    @cached_property
    def roster(self) -> dict[str, Student]:
        """The students by id."""
        return read_roster(self.folder / "roster.csv")

    @property
    def points(self) -> int:
        """What all exercises are worth."""
        return sum(exercise.points for exercise in self.exercises.values())

    def hidden(self, exercise: str) -> Path | None:
        """The folder of an exercise's hidden checks, where it has some."""
        folder = self.folder / "hidden" / exercise
        return folder if (folder / "checks.py").is_file() else None


def new_bundle(folder: Path, name: str, exercises: list[str]) -> Bundle:
    """Make the folder of a new course.

    Args:
        folder: must not exist, or be empty.
        name: letters, digits and . _ @ + -.
        exercises: names of the package's exercises.

    Raises:
        CourseError: the folder has something in it, or there is no such exercise.
    """
    check_id(name, "name of the course")
    chosen = _choose(exercises, find_exercises(), "exercises")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CourseError(f"{folder} is not empty; a course is made in a new folder")
    for part in ("hidden", "exercises"):
        (folder / part).mkdir(parents=True)
    _write_secret(folder / "secret")
    (folder / "roster.csv").write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    (folder / ".gitignore").write_text("/secret\n/roster.csv\n", encoding="utf-8")
    listed = "".join(f'    "{name}",\n' for name in chosen)
    points = "".join(f'"{name}" = {exercise.points}\n' for name, exercise in chosen.items())
    text = f'name = "{name}"\nexercises = [\n{listed}]\n# due = "2026-10-01T12:00:00Z"\n\n[points]\n{points}'
    (folder / "course.toml").write_text(text, encoding="utf-8")
    return read_bundle(folder)


def read_bundle(folder: Path) -> Bundle:
    """The course of a folder.

    Raises:
        CourseError: a file is missing or has a wrong field, others can read the secret, or there are hidden
            checks of an exercise that does not exist.
    """
    file = folder / "course.toml"
    try:
        fields: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CourseError(
            f"{str(folder)!r} is no bundle: it has no course.toml; `hooking course new` makes one"
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise CourseError(f"{file}: {error}") from error
    _check_fields(file, fields)
    own = folder / "exercises"
    try:
        known = find_exercises(catalog.HERE, *([own] if own.is_dir() else []))
    except ExerciseError as error:
        raise CourseError(str(error)) from error
    chosen = _choose(fields["exercises"], known, str(file))
    for name, points in fields.get("points", {}).items():
        if name not in chosen:
            raise CourseError(f"{file}: [points] names {name!r}, which is not among the exercises")
        if type(points) is not int or points < 1:
            raise CourseError(f"{file}: {name} = {points!r} must be a whole number of 1 or more points")
        chosen[name] = replace(chosen[name], points=points)
    for checks in (folder / "hidden").rglob("checks.py"):
        name = checks.parent.relative_to(folder / "hidden").as_posix()
        if name not in known:
            raise CourseError(f"{checks}: there is no exercise {name!r}, so these checks would never run")
    return Bundle(folder, fields["name"], chosen, _read_secret(folder / "secret"), str(fields.get("due", "")))


def _check_fields(file: Path, fields: dict[str, Any]) -> None:
    if unknown := sorted(set(fields) - set(_FIELDS)):
        raise CourseError(f"{file}: unknown {unknown}; known are {sorted(_FIELDS)}")
    for name in ("name", "exercises"):
        if name not in fields:
            raise CourseError(f"{file}: {name!r} is missing")
    for name, value in fields.items():
        if not isinstance(value, _FIELDS[name]):  # type: ignore[arg-type]
            raise CourseError(f"{file}: {name} = {value!r} has the wrong type")
    check_id(fields["name"], str(file))


def _choose(names: list[str], known: dict[str, Exercise], where: str) -> dict[str, Exercise]:
    if not names:
        raise CourseError(f"{where}: a course has at least one exercise")
    chosen: dict[str, Exercise] = {}
    for name in names:
        try:
            exercise = catalog.get_exercise(str(name), known)
        except ExerciseError as error:
            raise CourseError(f"{where}: {error}") from error
        if exercise.name in chosen:
            raise CourseError(f"{where}: {name!r} is there twice")
        chosen[exercise.name] = exercise
    return chosen


def _write_secret(file: Path) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(32) + "\n")


def _read_secret(file: Path) -> bytes:
    try:
        text = file.read_text(encoding="ascii").strip()
        mode = file.stat().st_mode
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{file}: {error}") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise CourseError(
            f"{file} can be read by others (mode {stat.S_IMODE(mode):o}); run: chmod 600 {file}"
        )
    try:
        secret = bytes.fromhex(text)
    except ValueError:
        secret = b""
    if len(secret) < 32:
        raise CourseError(f"{file} must have at least 64 hexadecimal digits, as `hooking course new` writes")
    return secret
