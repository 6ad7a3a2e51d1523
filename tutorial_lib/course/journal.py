"""What has been graded so far, one line an answer, so that a run that was stopped goes on where it was."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tutorial_lib.course import CourseError
from tutorial_lib.files import lock

NAME = "journal.jsonl"


class Journal:
    """The journal of a folder of grades. Only one process at a time may have it open."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.records: dict[str, dict[str, Any]] = {}
        self._stream = file.open("a+b")
        if not lock(self._stream):
            self._stream.close()
            raise CourseError(f"{file.parent} is being written by another `hooking grade`")
        self._read()

    def add(self, record: dict[str, Any]) -> None:
        """Note a record under its `"key"`; it is on the disk when this returns."""
        line = json.dumps(record, sort_keys=True).encode()
        # As it is read the next time, so that both runs write the same.
        self.records[record["key"]] = json.loads(line)
        self._stream.write(line + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Let others have it."""
        self._stream.close()

    def _read(self) -> None:
        self._stream.seek(0)
        content = self._stream.read()
        for line in content.splitlines():
            with contextlib.suppress(
                ValueError, TypeError, KeyError
            ):  # a line that was cut off when its run ended
                record = json.loads(line)
                self.records[record["key"]] = record
        if content and not content.endswith(b"\n"):
            self._stream.write(b"\n")


@contextlib.contextmanager
def open_journal(folder: Path, *, anew: bool = False) -> Iterator[Journal]:
    """The journal of a folder of grades.

    Args:
        folder: made where it is not there.
        anew: put the old journal aside, under a name with a number, and start with an empty one.

    Raises:
        CourseError: another process has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / NAME
    if anew and file.exists():
        Journal(file).close()  # raises if it is in use
        number = 1 + len(list(folder.glob("journal-*.jsonl")))
        file.rename(folder / f"journal-{number}.jsonl")
    journal = Journal(file)
    try:
        yield journal
    finally:
        journal.close()
