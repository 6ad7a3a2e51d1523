"""What a student hands in: a zip of the answers with a manifest."""

import hashlib
import json
import platform
import re
import zipfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import tutorial_lib
from tutorial_lib.checker import report
from tutorial_lib.checker.answer_file import AnswerProblem, compile_answer
from tutorial_lib.course import CourseError
from tutorial_lib.course.unpacking import read_folder
from tutorial_lib.exercises.catalog import Exercise, ExerciseError
from tutorial_lib.workspace.student_files import decode_source
from tutorial_lib.workspace.workspace import HIDDEN, Workspace, WorkspaceError

MANIFEST = "manifest.json"
COURSE = f"{HIDDEN}/course.json"
WRITTEN = "written"
ABSENT = "no file"
REFUSED = "left out"


@dataclass(frozen=True)
class Item:
    """One exercise of a submission.

    Attributes:
        exercise: its name.
        state: `WRITTEN`, "not attempted", "empty", "syntax error", `ABSENT` or `REFUSED`.
        reason: why it is left out.
        content: of the file, where it goes into the zip.
    """

    exercise: Exercise
    state: str
    reason: str = ""
    content: bytes | None = None


@dataclass(frozen=True)
class Submitted:
    """The zip, and what is in it.

    Attributes:
        zip: the file.
        items: every exercise of the workspace, those left out too.
        manifest: as written.
    """

    zip: Path
    items: tuple[Item, ...]
    manifest: dict[str, Any]


def submit(workspace: Path, *, student: str | None = None, out: Path | None = None) -> Submitted:
    """Write a zip of a workspace's answers; an older zip is never overwritten.

    Args:
        workspace: with a `.hooking/` folder, or a folder in one.
        student: id, where the workspace has none.
        out: folder for the zip. None: the workspace.

    Raises:
        CourseError: no workspace, another student's, or no answer that could go in.
    """
    found = _find(workspace)
    try:
        facts, items = found.course.fields, collect(found)
    except (WorkspaceError, ExerciseError) as error:
        raise CourseError(str(error)) from error
    own = facts.get("student")
    if student is not None and own is not None and student != own:
        raise CourseError(f"this folder is {own!r}'s, not {student!r}'s")
    if not any(item.content is not None for item in items):
        reasons = "; ".join(f"{item.exercise.name}: {item.reason or item.state}" for item in items)
        raise CourseError(f"there is no file to hand in ({reasons})")
    now = datetime.now(timezone.utc)
    contents = {f"{item.exercise.name}.py": item.content for item in items if item.content is not None}
    manifest = {
        "format": 1,
        "course": facts.get("course") or "",
        "student": own or student,
        "seal": facts.get("seal"),
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "exercises": [{"name": item.exercise.name, "state": item.state} for item in items],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
        "versions": {"python": platform.python_version(), "tutorial_lib": tutorial_lib.__version__},
    }
    folder = out or found.folder
    folder.mkdir(parents=True, exist_ok=True)
    # The student comes first and whole, since `hooking grade` looks for it there.
    parts = (manifest["student"], manifest["course"] or "hooking", f"{now:%Y%m%dT%H%M%SZ}")
    stem = "_".join(re.sub(r"[^\w.@+-]+", "-", str(part)) for part in parts if part)
    file = _write(folder, stem, manifest, contents)
    return Submitted(file, tuple(items), manifest)


def collect(workspace: Workspace) -> list[Item]:
    """Each exercise of a workspace with the student's file."""
    exercises = workspace.exercises
    handed = read_folder(workspace.folder, {f"{name}.py" for name in exercises})
    items = []
    for name, exercise in exercises.items():
        file = f"{name}.py"
        if file in handed.refused:
            items.append(Item(exercise, REFUSED, handed.refused[file]))
        elif file not in handed.files:
            items.append(Item(exercise, ABSENT, f"{file} is not there"))
        else:
            content = handed.files[file]
            items.append(Item(exercise, state(content, exercise.starter), content=content))
    return items


def state(content: bytes, starter: str) -> str:
    """How far an answer is, by reading it: "not attempted", "empty", "syntax error" or `WRITTEN`."""
    try:
        compile_answer(decode_source(content), starter)
    except SyntaxError:
        return report.SYNTAX_ERROR
    except AnswerProblem as problem:
        return problem.kind
    return WRITTEN


def _find(start: Path) -> Workspace:
    try:
        return Workspace.find(start)
    except WorkspaceError as error:
        message = f"{str(start)!r} is no folder of exercises: there is no {HIDDEN}/ in it or above it"
        raise CourseError(message) from error


def _write(folder: Path, stem: str, manifest: dict[str, Any], contents: dict[str, bytes]) -> Path:
    number = 1
    while True:
        file = folder / (f"{stem}.zip" if number == 1 else f"{stem}-{number}.zip")
        try:
            stream = file.open("xb")
        except FileExistsError:
            number += 1
            continue
        with stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, json.dumps(manifest, indent=2) + "\n")
            for name, content in contents.items():
                archive.writestr(name, content)
        return file
