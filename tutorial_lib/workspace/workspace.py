"""The folder in which a student works: `<nn_topic>/<slug>.py` to be filled in, `<slug>.md` with the task.

What the commands need to know lies in `.hooking/` of it: `progress.json`; `workspace.json`, which exercises
were chosen and what was written for them; in a course `course.json` and `exercises/`, which the instructor's
release puts there. Loads no torch.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from tutorial_lib.checker.answer_file import same_code
from tutorial_lib.checker.report import NOT_ATTEMPTED, Report
from tutorial_lib.exercises.catalog import Exercise, find_exercises, get_exercise
from tutorial_lib.files import write_whole
from tutorial_lib.workspace.progress import Progress, now
from tutorial_lib.workspace.student_files import fingerprint, keep_copy, read_source, read_text

HIDDEN = ".hooking"
TO_DO = "to do"
STARTED = "started"
DONE = "done"
CHANGED = "changed"  # done once, and the file is another one since
STATES = (TO_DO, STARTED, DONE, CHANGED)


class WorkspaceError(ValueError):
    """A folder without exercises, or a file of it that cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Course:
    """What an instructor's release says in `.hooking/course.json`.

    Attributes:
        course: its name; None where a student works alone.
        student: whose folder it is.
        variants: of the exercises, by name: see `CaseSpec`.
        fields: all that the file says.
    """

    course: str | None = None
    student: str | None = None
    variants: dict[str, int] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Workspace:
    """A student's folder.

    Attributes:
        folder: that holds `.hooking`.
    """

    folder: Path

    @classmethod
    def find(cls, start: Path) -> "Workspace":
        """The place of exercises that a folder or file lies in.

        Raises:
            WorkspaceError: there is none in it or above it.
        """
        here = start.absolute()
        for folder in (here, *here.parents):
            if (folder / HIDDEN).is_dir():
                return cls(folder)
        raise WorkspaceError(
            f"no exercises in {str(here)!r} or above it: `hooking start DIR` writes them into DIR; "
            "then go there, or say --dir DIR"
        )

    @cached_property
    def known(self) -> dict[str, Exercise]:
        """All exercises that there are: of the release, where there is one, else of the package."""
        own = self.hidden / "exercises"
        return find_exercises(own) if own.is_dir() else find_exercises()

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises of this folder by name: of those that there are, the chosen ones."""
        chosen = self.settings["exercises"]
        if chosen is None:
            return self.known
        return {name: e for name, e in self.known.items() if name in chosen or e.topic in chosen}

    @cached_property
    def course(self) -> Course:
        """What the release says; empty where a student works alone.

        Raises:
            WorkspaceError: the file is broken.
        """
        file = self.hidden / "course.json"
        if not file.is_file():
            return Course()
        try:
            values = json.loads(read_text(file))
        except ValueError as error:
            raise WorkspaceError(f"{file} is no JSON ({error}): fetch it anew from your course") from error
        variants = (values.get("variants") or {}) if isinstance(values, dict) else None
        if not isinstance(variants, dict) or any(type(number) is not int for number in variants.values()):
            raise WorkspaceError(f'{file}: "variants" must give each exercise a whole number')
        return Course(values.get("course"), values.get("student"), variants, values)

    @cached_property
    def progress(self) -> Progress:
        """How far the student is."""
        return Progress(self.hidden / "progress.json")

    @property
    def settings(self) -> dict[str, Any]:
        """What `start` wrote down.

        "exercises": names and topics, None for all. "written": fingerprints of what it wrote, by path.
        A file that cannot be read counts as none: the next `start` keeps it and writes a new one.
        """
        try:
            values = json.loads(read_text(self.hidden / "workspace.json"))
        except (OSError, ValueError):
            values = {}
        values = values if isinstance(values, dict) else {}
        chosen, written = values.get("exercises"), values.get("written")
        return {
            "exercises": chosen if isinstance(chosen, list) else None,
            "written": written if isinstance(written, dict) else {},
        }

    @property
    def hidden(self) -> Path:
        """The folder `.hooking`."""
        return self.folder / HIDDEN

    def answer_path(self, name: str) -> Path:
        """The student's file of an exercise, whether it is there or not."""
        return self.folder.joinpath(*f"{name}.py".split("/"))

    def task_path(self, name: str) -> Path:
        """The task, beside the answer."""
        return self.answer_path(name).with_suffix(".md")

    def source(self, name: str) -> str:
        """The text of a student's file.

        Raises:
            WorkspaceError: it is not there.
            SyntaxError: it is in another encoding than it says.
        """
        path = self.answer_path(name)
        if not path.is_file():
            raise WorkspaceError(f"{path} is not there: `hooking reset {name}` writes the starter")
        return read_source(path)

    def exercise(self, name: str) -> Exercise:
        """An exercise by its name, by the last part of it, or by the path of its file.

        Raises:
            ExerciseError: no such exercise here; the message names close ones.
        """
        parts = [part for part in re.split(r"[\\/]+", name) if part not in ("", ".")]
        return get_exercise("/".join(parts[-2:]) or name, self.exercises)

    def state(self, name: str) -> str:
        """One of `STATES`."""
        try:
            source = self.source(name)
            if same_code(source, self.exercises[name].starter):
                return TO_DO
        except WorkspaceError:
            return TO_DO
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return STARTED  # no Python, so not the starter either
        record = self.progress[name]
        if not record.passed:
            return STARTED
        return DONE if record.passed_file == fingerprint(source) else CHANGED

    def next(self) -> Exercise | None:
        """What to do next: the first exercise that is not done and for which all before it are."""
        done = {name for name in self.exercises if self.state(name) in (DONE, CHANGED)}
        left = [exercise for name, exercise in self.exercises.items() if name not in done]
        ready = (e for e in left if all(p in done or p not in self.exercises for p in e.prerequisites))
        return next(ready, left[0] if left else None)

    def note_check(self, report: Report, source: str) -> None:
        """Write down what came of a check; a starter that nobody has changed is no try."""
        if report.outcome == NOT_ATTEMPTED:
            return
        record = self.progress[report.exercise]
        changes: dict[str, Any] = {"checks": record.checks + 1, "outcome": report.outcome}
        if report.passed:
            changes |= {"passed": record.passed or now(), "passed_file": fingerprint(source)}
        self.progress.update(report.exercise, **changes)

    def reset(self, name: str) -> Path | None:
        """Bring the starter back.

        Returns:
            Where the student's file is kept; None if there was none, or only the starter.
        """
        path, starter = self.answer_path(name), self.exercises[name].starter
        content = path.read_bytes() if path.is_file() else None
        kept = None
        if content is not None and content.decode("utf-8", "replace").splitlines() != starter.splitlines():
            kept = keep_copy(path, self.hidden / "kept" / path.parent.name, content)
        write_whole(path, starter)
        return kept
