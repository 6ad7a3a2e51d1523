"""Whose a submission is.

Two things may say so. The seal of a student's folder, which only the course's secret can make, proves it. The
name of the zip or folder says it as far as the instructor's collecting does: it is compared, whole and up to
each `_`, with each student's id, e-mail address, logins and names, as Canvas, Moodle and checkouts by
login write them.

1. Seal and name agree, or only one of them says something: it is that student's.
2. They name two students, or the name fits two: it is nobody's, and counts for neither.
3. A manifest without its seal proves nothing, since anybody can write a name into a file. It is nobody's,
   unless the name of the zip says the same.
"""

import json
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.roster import Student
from tutorial_lib.course.unpacking import shown
from tutorial_lib.course.variants import is_seal

UNKNOWN = "unknown student"
CONFLICT = "conflict"


@dataclass(frozen=True)
class Claim:
    """What a submission says of itself; nothing of it is to be believed.

    Attributes:
        student, course, seal, time: as written, or empty.
        files: sha256 by name.
    """

    student: str = ""
    course: str = ""
    seal: str = ""
    time: str = ""
    files: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Owner:
    """Whose a submission is.

    Attributes:
        student: id, or None.
        proved: whether by the seal.
        problem: `UNKNOWN` or `CONFLICT`, where it is nobody's.
        message: why, and what to do.
    """

    student: str | None
    proved: bool = False
    problem: str = ""
    message: str = ""


def read_claim(content: bytes) -> Claim | None:
    """The claim of a manifest, or of a workspace's `course.json`; None where it cannot be read."""
    try:
        facts = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict):
        return None
    texts = {name: _text(facts.get(name)) for name in ("student", "course", "seal", "time")}
    files = facts.get("files")
    known = {str(k): str(v) for k, v in files.items()} if isinstance(files, dict) else None
    return Claim(**texts, files=known)


def owner(name: str, claim: Claim | None, bundle: Bundle) -> Owner:
    """Whose a submission is.

    Args:
        name: of the zip without its ending, or of the folder.
        claim: what the submission says of itself.
        bundle: knows the students and the secret.
    """
    named = _named(name, bundle.roster)
    if len(named) > 1:
        return Owner(
            None, problem=CONFLICT, message=f"the name fits {' and '.join(named)}; {_rename(bundle)}"
        )
    by_name = named[0] if named else None
    claimed = claim.student if claim else ""
    proved = claim is not None and claimed in bundle.roster and is_seal(bundle.secret, claimed, claim.seal)
    if by_name and claimed and claimed != by_name:
        kind = "it carries the seal of" if proved else "its manifest says"
        why = f"the name says {by_name!r}, but {kind} '{shown(claimed)}'"
        message = f"{why}: it counts for neither; {_rename(bundle)}"
        return Owner(None, problem=CONFLICT, message=message)
    if proved:
        return Owner(claimed, proved=True)
    if by_name:
        return Owner(by_name)
    if not claimed:
        message = f"neither its name nor a manifest says whose it is; {_rename(bundle)}"
    elif claimed not in bundle.roster:
        message = f"'{shown(claimed)}' is not in the roster; {_rename(bundle)}"
    else:
        message = f"its manifest says {claimed!r} but does not carry that student's seal; {_rename(bundle)}"
    return Owner(None, problem=UNKNOWN, message=message)


def _named(name: str, roster: Mapping[str, Student]) -> list[str]:
    """The students whom a name fits: as a whole, otherwise by what stands before a `_`, the longest first."""
    parts = name.split("_")
    for text in ("_".join(parts[:count]) for count in range(len(parts), 0, -1)):
        plain = _plain(text)
        if found := [student.id for student in roster.values() if plain in _names(student)]:
            return found
    return []


def _names(student: Student) -> set[str]:
    first, last = student.first_name, student.last_name
    written = [student.id, student.email, student.github, student.sis_user_id, student.sis_login_id]
    if first and last:
        written += [f"{first} {last}", f"{last} {first}", f"{last}, {first}", f"{last}{first}"]
    return {_plain(text) for text in written if text}


def _plain(text: str) -> str:
    # The same letters may be written in two ways: a Mac's file system takes them apart.
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _text(value: Any) -> str:
    return value if isinstance(value, str) and len(value) <= 200 else ""


def _rename(bundle: Bundle) -> str:
    example = next(iter(bundle.roster), "student")
    return f"name the zip or folder after the student's id, such as {example}.zip"
