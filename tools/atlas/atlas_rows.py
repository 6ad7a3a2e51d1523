"""The rows of the atlas: on disk while a sweep runs, and in the repository after it.

A sweep appends each row to a journal as soon as it has it, so an interrupted sweep goes on where it was. The
name of the journal holds the version of transformers and a hash of the sources that decide what a row says:
when one of them changes, the old rows no longer count.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tools import ROOT
from tools.atlas.sweep import PRELOAD as WORKER
from tools.atlas.sweep import Outcome, SweepResult
from tutorial_lib.course.sources import sources_of


@dataclass(frozen=True)
class Row:
    """What the atlas says about one model type.

    The fields from `model_class` on are those of `tutorial_lib.Verification`, with the checks by name.

    Attributes:
        model_type: the type, as in the config of a model.
        outcome: "done", or how the process of this type ended otherwise (see `sweep.Result`).
        detail: what went wrong, in words; empty when it is done.
    """

    model_type: str
    outcome: Outcome
    detail: str = ""
    model_class: str = ""
    blocks_path: str | None = None
    n_layers: int | None = None
    returns: str | None = None
    passed_as: str | None = None
    stream_shape: str | None = None
    kind: str | None = None
    terms: str | None = None
    mid_stream: bool | None = None
    addressable: bool | None = None
    reason: str | None = None
    checks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def passed(self, check: str) -> bool | None:
        """Whether a check passed; None where it does not apply, or the process did not come so far."""
        found: bool | None = self.checks.get(check, {}).get("passed")
        return found


def row(result: SweepResult) -> Row:
    """The row of a result of a sweep."""
    known = {each.name for each in fields(Row)}
    value = {name: item for name, item in (result.value or {}).items() if name in known}
    return Row(model_type=result.model_type, outcome=result.outcome, detail=result.detail, **value)


def key() -> str:
    """What rows depend on: the version of transformers, and a hash of the sources of the library."""
    text = b"".join(path.read_bytes() for path in sources_of([WORKER], ROOT))
    return f"{version('transformers')}-{hashlib.sha256(text).hexdigest()[:12]}"


class AtlasJournal:
    """The rows of a sweep, one JSON object a line, in a file that is written as they come."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{key()}.jsonl"

    def rows(self) -> dict[str, Row]:
        """The rows so far, by type. A last line that an interrupt cut short is dropped."""
        if not self.path.exists():
            return {}
        found = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            try:
                each = Row(**json.loads(line))
            except json.JSONDecodeError:
                continue
            found[each.model_type] = each
        return found

    def add(self, each: Row) -> None:
        """Appends a row."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        before = self.path.read_bytes() if self.path.exists() else b""
        cut_short = bool(before) and not before.endswith(b"\n")
        with self.path.open("a", encoding="utf-8") as file:
            file.write("\n" * cut_short + json.dumps(asdict(each)) + "\n")


@dataclass(frozen=True)
class Atlas:
    """Rows in the order of their types, and the versions that they were made with."""

    transformers: str
    torch: str
    rows: tuple[Row, ...]


def write(path: Path, rows: Iterable[Row]) -> None:
    """Writes an atlas as JSON; the same rows give the same file."""
    ordered = sorted(rows, key=lambda each: each.model_type)
    torch = version("torch").partition("+")[0]  # not the build, such as "+cpu"
    head = json.dumps({"transformers": version("transformers"), "torch": torch})
    lines = ",\n".join(json.dumps(asdict(each), ensure_ascii=False) for each in ordered)  # a diff shows types
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")


def read(path: Path) -> Atlas:
    """Reads what `write` wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return Atlas(found["transformers"], found["torch"], tuple(Row(**each) for each in found["rows"]))
