"""How far a student is: one JSON file, which survives upgrades, crashes and being edited by hand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tutorial_lib.files import write_whole
from tutorial_lib.workspace.student_files import keep_copy

FORMAT = 1


@dataclass(frozen=True)
class ExerciseRecord:
    """What is known of a student's work on one exercise.

    Attributes:
        checks: how often an answer was checked.
        outcome: of the last check, as in a report; "" before the first.
        passed: when an answer passed first, such as `"2026-03-01T09:30:00+00:00"`; "" before.
        passed_file: fingerprint of the file that passed last.
        hints: how many steps were shown.
        solution: when the solution was shown first; "" before.
    """

    checks: int = 0
    outcome: str = ""
    passed: str = ""
    passed_file: str = ""
    hints: int = 0
    solution: str = ""


class Progress:
    """The records of a student, in a file.

    A file that cannot be read is kept under another name, what can be understood of it is taken over, and
    `notes` says so. What a newer version of this package has put into a record stays.

    Attributes:
        file: such as `DIR/.hooking/progress.json`.
        notes: what to tell the student about the file.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.notes: list[str] = []
        self._kept: bytes | None = None  # the last content of which a copy is kept: one copy is enough

    def __getitem__(self, exercise: str) -> ExerciseRecord:
        """The record of an exercise, an empty one where nothing is known."""
        return _record(self._read().get(exercise, {}))

    def all(self) -> dict[str, ExerciseRecord]:
        """Each exercise of which something is known."""
        return {name: _record(values) for name, values in self._read().items()}

    def update(self, exercise: str, **changes: Any) -> ExerciseRecord:
        """Change some fields of a record.

        The file is read anew first: `check --watch` and `hint` may run side by side.
        """
        records = self._read()
        record = replace(_record(records.get(exercise, {})), **changes)
        for name, values in records.items():
            if not _understood(values):  # a copy is kept; here it is mended
                records[name] = _merged(values, _record(values))
        records[exercise] = _merged(records.get(exercise, {}), record)
        text = json.dumps({"format": FORMAT, "exercises": records}, indent=1, ensure_ascii=False)
        write_whole(self.file, text + "\n")
        return record

    def _read(self) -> dict[str, Any]:
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            values = json.loads(data.decode("utf-8-sig"))
        except (ValueError, RecursionError) as error:
            self._keep(data, f"it is no JSON ({error})")
            return {}
        problem = _problem(values)
        if problem:
            self._keep(data, problem)
        records = values.get("exercises") if isinstance(values, dict) else None
        return dict(records) if isinstance(records, dict) else {}

    def _keep(self, data: bytes, problem: str) -> None:
        if data == self._kept:
            return
        self._kept = data
        kept = _same_copy(self.file, data) or keep_copy(self.file, self.file.parent, data)
        self.notes.append(
            f"{self.file} cannot be read in full: {problem}. It is kept as {kept.name} beside it."
        )


def now() -> str:
    """The time, to the second, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def _problem(values: Any) -> str:
    """What is wrong with the content of a file, "" if nothing is."""
    if not isinstance(values, dict) or not isinstance(values.get("exercises"), dict):
        return 'it is no object with "exercises"'
    form = values.get("format")
    if form != FORMAT:
        return f'its "format" is {form!r}, this version writes {FORMAT}'
    strange = [name for name, record in values["exercises"].items() if not _understood(record)]
    return f"what it says of {', '.join(strange[:3])} is of another kind" if strange else ""


def _understood(record: Any) -> bool:
    return isinstance(record, dict) and all(
        type(record[field.name]) is type(field.default)
        for field in fields(ExerciseRecord)
        if field.name in record
    )


def _record(values: Any) -> ExerciseRecord:
    """A record from what a file says; what is of another kind is left out."""
    if not isinstance(values, Mapping):
        return ExerciseRecord()
    known = {
        field.name for field in fields(ExerciseRecord) if type(values.get(field.name)) is type(field.default)
    }
    return replace(ExerciseRecord(), **{name: values[name] for name in known})


def _merged(values: Any, record: ExerciseRecord) -> dict[str, Any]:
    """A record for the file, with what else stood there."""
    known = {field.name: getattr(record, field.name) for field in fields(ExerciseRecord)}
    return {**(values if isinstance(values, dict) else {}), **known}


def _same_copy(file: Path, data: bytes) -> Path | None:
    """A copy that an earlier command kept of the same content."""
    for path in sorted(file.parent.glob(f"{file.stem}.*{file.suffix}")):
        if path.read_bytes() == data:
            return path
    return None
