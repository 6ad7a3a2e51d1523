"""Read data as records: one text, or the token ids of one, after the other."""

import functools
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tutorial_lib.collect.data.tables import dataset_source, no_split, parquet_source, saved_dataset_source
from tutorial_lib.collect.data.values import BYTES_PER_TOKEN, Record, Source, items, parsed
from tutorial_lib.collect.errors import CollectError

JSONL = (".jsonl", ".ndjson")
STDIN = "standard input"


def open_source(data: Any, *, column: str | None = None, split: str | None = None) -> Source:
    """What `collect_residual_streams` takes as `data`, as a source.

    Args:
        data: the path of a .jsonl or .parquet file, of a folder that `Dataset.save_to_disk` wrote or that
            has such files, "-" for JSONL from standard input; or texts, token ids, rows with a column, or
            batches of token ids. A source is given back as it is.
        column: that has the texts or token ids. None: "text" or "input_ids".
        split: of a folder with several.

    Raises:
        CollectError: there is no such file, its kind is not known, or a package to read it is missing.
    """
    if isinstance(data, Source):
        return data
    if isinstance(data, (str, Path)):
        if str(data) == "-":
            no_split(split, "standard input")
            return Source(STDIN, lambda: _lines(_stdin(), column, "line"), None)
        return _of_path(Path(data).expanduser(), column, split)
    if hasattr(data, "column_names") and hasattr(data, "select_columns"):
        return dataset_source(data, column, split, f"a {type(data).__name__}")
    kind = type(data).__name__
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        raise CollectError(f"data must be several texts or rows, got a {kind}: give one of its columns")
    if isinstance(data, Mapping):
        raise CollectError(
            f"data must be several texts or rows, got a {kind}: put a batch into a list, [batch]"
        )
    if isinstance(data, (set, frozenset)):
        raise CollectError(f"data must have an order, got a {kind}: sort it into a list")
    if isinstance(data, bytes) or not isinstance(data, Iterable):
        raise CollectError(f"data must be a path, or several texts, token ids or rows, got a {kind}")
    no_split(split, f"a {kind}")
    rows: Any = data
    length = len(rows) if hasattr(data, "__len__") else None
    return Source(f"a {kind}", lambda: items(rows, column), length)


def _stdin() -> Iterable[bytes]:
    """Standard input, read by nobody else: with a reader of its own no thread that waits for a line holds up
    the end of the program.
    """
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)  # not ours to close
    except (OSError, ValueError):  # something else was put in its place
        return sys.stdin.buffer


def _of_path(path: Path, column: str | None, split: str | None) -> Source:
    if not path.exists():
        raise CollectError(f"there is no file or folder {str(path)!r}; a list of texts is [{str(path)!r}]")
    if path.is_file():
        no_split(split, str(path))
        return _file(path, column)
    if any((path / name).exists() for name in ("state.json", "dataset_dict.json")):
        return saved_dataset_source(path, column, split)
    no_split(split, str(path))
    files = sorted(each for each in path.iterdir() if each.suffix.lower() in (*JSONL, ".parquet"))
    if not files:
        raise CollectError(
            f"{str(path)!r} is no folder of Dataset.save_to_disk and has no .jsonl or .parquet files"
        )
    return _chain(str(path), [_file(each, column) for each in files])


def _file(path: Path, column: str | None) -> Source:
    if path.suffix.lower() in JSONL:

        def lines() -> Iterator[Record]:
            with open(path, "rb") as file:
                yield from _lines(file, column, f"{path}, line")

        return Source(str(path), lines, path.stat().st_size)
    if path.suffix.lower() == ".parquet":
        return parquet_source(path, column)
    raise CollectError(f"{str(path)!r} ends in {path.suffix!r}; .jsonl and .parquet files can be read")


def _chain(name: str, sources: Sequence[Source]) -> Source:
    def records() -> Iterator[Record]:
        index = end = 0
        for source in sources:
            for each in source.records():
                yield Record(index, each.content, each.size, end + each.end, each.value)
                index += 1
            end += source.length or 0

    return Source(name, records, sum(source.length or 0 for source in sources))


def _lines(file: Iterable[bytes], column: str | None, where: str) -> Iterator[Record]:
    end = 0
    for number, line in enumerate(file):
        end += len(line)
        if line.strip():
            value = functools.partial(parsed, line, column, f"{where} {number + 1}")
            yield Record(number, line, len(line) // BYTES_PER_TOKEN + 1, end, value)
