"""What was handed in, sorted: one submission a student, and everything that was wrong with the others.

Of several submissions of one student, those that the seal proves come before those that only their name says
to be the student's. Of these the latest by the time in the manifest counts; one without a time is older than
any with; at the same time, the last by name. The rule needs no clock of the files, which copying changes.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutorial_lib.course import CourseError
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.owner import Claim, owner, read_claim
from tutorial_lib.course.submitting import COURSE, MANIFEST
from tutorial_lib.course.unpacking import Handed, UnreadableError, read_folder, read_zip, shown

UNREADABLE = "unreadable"
IGNORED = "ignored"
SUPERSEDED = "superseded"

_TIME = re.compile(r"\d{4}-(0[1-9]|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\dZ")


@dataclass(frozen=True)
class Submission:
    """One student's files.

    Attributes:
        name: of the zip or folder.
        kind: "zip", "folder" or "git".
        student: id.
        proved: whether the seal proves that.
        time: as the manifest says, in UTC; empty where it does not.
        files: content by exercise.
        refused: reason by exercise.
        notes: what else the instructor and student should know.
    """

    name: str
    kind: str
    student: str
    proved: bool
    time: str
    files: dict[str, bytes]
    refused: dict[str, str]
    notes: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the names and contents of all files."""
        listed = [
            f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in sorted(self.files.items())
        ]
        return hashlib.sha256("".join(listed).encode()).hexdigest()


@dataclass(frozen=True)
class Problem:
    """Something in the submissions' folder that does not count.

    Attributes:
        submission: name of the zip, folder or file.
        kind: `UNREADABLE`, `IGNORED`, `SUPERSEDED`, "unknown student" or "conflict".
        message: why, and what to do.
    """

    submission: str
    kind: str
    message: str


@dataclass
class Intake:
    """What was handed in: the submission that counts, by student, and the problems by name."""

    submissions: dict[str, Submission] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def take_in(folder: Path, bundle: Bundle) -> Intake:
    """Read a folder of zips, folders and checkouts.

    Raises:
        CourseError: there is no such folder, or the roster has no students.
    """
    if not folder.is_dir():
        raise CourseError(f"there is no folder {str(folder)!r} with submissions")
    if not bundle.roster:
        raise CourseError(f"{bundle.folder / 'roster.csv'} has no students; nobody's work could be graded")
    intake = Intake()
    found: dict[str, list[Submission]] = {}
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if path.name.startswith("."):
            continue
        try:
            read = _read(path, bundle)
        except UnreadableError as error:
            read = Problem(shown(path.name), UNREADABLE, str(error))
        except OSError as error:
            read = Problem(shown(path.name), UNREADABLE, f"cannot be read ({error.strerror})")
        if isinstance(read, Problem):
            intake.problems.append(read)
        else:
            found.setdefault(read.student, []).append(read)
    for student, several in sorted(found.items()):
        intake.submissions[student] = _latest(several, intake.problems)
    intake.problems.sort(key=lambda problem: (problem.submission, problem.kind))
    return intake


def _latest(several: Sequence[Submission], problems: list[Problem]) -> Submission:
    *older, latest = sorted(several, key=lambda s: (s.proved, s.time, s.name))
    for submission in older:
        why = "which carries the student's seal" if latest.proved > submission.proved else "which is later"
        times = f"{_when(latest)}; this: {_when(submission)}"
        message = f"{latest.name} of {submission.student} counts, {why} ({times})"
        problems.append(Problem(submission.name, SUPERSEDED, message))
    return latest


def _when(submission: Submission) -> str:
    return submission.time or "no time"


def _read(path: Path, bundle: Bundle) -> Submission | Problem:
    name = shown(path.name)
    is_zip = path.suffix.lower() == ".zip"
    if path.is_symlink():
        raise UnreadableError("is a symbolic link")
    if not path.is_dir() and not (is_zip and path.is_file()):
        return Problem(name, IGNORED, "is neither a zip nor a folder")
    wanted = {MANIFEST, COURSE, *(f"{exercise}.py" for exercise in bundle.exercises)}
    if path.is_dir():
        kind = "git" if (path / ".git").exists() else "folder"
        handed = _read_nested(path, wanted)
    else:
        kind, handed = "zip", read_zip(path, wanted)
    notes = list(handed.notes)
    claim = _claim(handed, notes, bundle)
    whose = owner(path.stem if is_zip and not path.is_dir() else path.name, claim, bundle)
    if whose.student is None:
        return Problem(name, whose.problem, whose.message)
    files, refused = _by_exercise(handed.files, bundle), _by_exercise(handed.refused, bundle)
    _compare(claim, handed, notes)
    time = claim.time if claim and _TIME.fullmatch(claim.time) else ""
    return Submission(name, kind, whose.student, whose.proved, time, files, refused, tuple(notes))


def _read_nested(root: Path, wanted: set[str]) -> Handed:
    """Read a folder; where nothing is in it but one folder or zip, as some systems deliver it, that one."""
    handed = read_folder(root, wanted)
    if handed.files or handed.refused:
        return handed
    inside = [path for path in root.iterdir() if not path.name.startswith(".") and not path.is_symlink()]
    if len(inside) != 1:
        return handed
    if inside[0].is_dir():
        return read_folder(inside[0], wanted)
    return read_zip(inside[0], wanted) if inside[0].suffix.lower() == ".zip" else handed


def _claim(handed: Handed, notes: list[str], bundle: Bundle) -> Claim | None:
    for name in (MANIFEST, COURSE):
        if name in handed.refused:
            notes.append(f"{name} {handed.refused[name]}")
        if name not in handed.files:
            continue
        claim = read_claim(handed.files[name])
        if claim is None:
            notes.append(f"{name} cannot be read")
            continue
        if claim.course != bundle.name:
            notes.append(f"it says to be of the course '{shown(claim.course)}', not {bundle.name!r}")
        return claim
    notes.append("it has no manifest")
    return None


def _compare(claim: Claim | None, handed: Handed, notes: list[str]) -> None:
    for name, sha256 in sorted((claim.files if claim and claim.files else {}).items()):
        if name in handed.files and hashlib.sha256(handed.files[name]).hexdigest() != sha256:
            notes.append(f"{name} was changed after the manifest was written")


def _by_exercise(found: dict[str, bytes] | dict[str, str], bundle: Bundle) -> dict[str, Any]:
    return {name: found[f"{name}.py"] for name in bundle.exercises if f"{name}.py" in found}
