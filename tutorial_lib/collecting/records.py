"""Read data as records: one text, or the token ids of one, after the other."""

import functools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from torch import Tensor

from tutorial_lib.collecting.errors import BadRecordError, CollectError

Value: TypeAlias = str | list[int]
BYTES_PER_TOKEN = 4  # of English text, about; shards are cut by it, before anything is tokenized
COLUMNS = ("text", "input_ids")
JSONL = (".jsonl", ".ndjson")
STDIN = "standard input"
ROWS_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class Record:
    """One document as it stands in the data.

    Attributes:
        index: its place in the data, from 0; of a JSONL file the number of its line less one.
        content: the bytes that it is, so that changed data are noticed.
        size: about how many tokens it has.
        end: how much of the data is read with it, in the unit of `Source.length`.
        value: gives its text or token ids, or raises BadRecordError.
    """

    index: int
    content: bytes
    size: int
    end: int
    value: Callable[[], Value]


@dataclass(frozen=True)
class Source:
    """Data that can be read from the first record to the last.

    Attributes:
        name: what errors and the manifest call it.
        records: reads it, from the start at each call.
        length: what `Record.end` is at the last record. None: not known.
    """

    name: str
    records: Callable[[], Iterator[Record]]
    length: int | None


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
            _no_split(split, "standard input")
            return Source(STDIN, lambda: _lines(_stdin(), column, "line"), None)
        return _of_path(Path(data).expanduser(), column, split)
    if hasattr(data, "column_names") and hasattr(data, "select_columns"):
        return _of_dataset(data, column, split, f"a {type(data).__name__}")
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
    _no_split(split, f"a {kind}")
    items: Any = data
    length = len(items) if hasattr(data, "__len__") else None
    return Source(f"a {kind}", lambda: _items(items, column), length)


def _stdin() -> Iterable[bytes]:
    """Standard input, read by nobody else: with a reader of its own no thread that waits for a line holds up
    the end of the program.
    """
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)  # not ours to close
    except (OSError, ValueError):  # something else was put in its place
        return sys.stdin.buffer


def _no_split(split: str | None, name: str) -> None:
    if split is not None:
        raise CollectError(f"split {split!r} was given, and {name} has no splits: a saved DatasetDict has")


def _of_path(path: Path, column: str | None, split: str | None) -> Source:
    if not path.exists():
        raise CollectError(f"there is no file or folder {str(path)!r}; a list of texts is [{str(path)!r}]")
    if path.is_file():
        _no_split(split, str(path))
        return _file(path, column)
    if any((path / name).exists() for name in ("state.json", "dataset_dict.json")):
        return _saved_dataset(path, column, split)
    _no_split(split, str(path))
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
        return _parquet(path, column)
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
            value = functools.partial(_parsed, line, column, f"{where} {number + 1}")
            yield Record(number, line, len(line) // BYTES_PER_TOKEN + 1, end, value)


def _parsed(line: bytes, column: str | None, where: str) -> Value:
    try:
        row = json.loads(line)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadRecordError(f"{where} is no JSON: {error}") from error
    return _value(row, column, where)


def _value(row: Any, column: str | None, where: str) -> Value:
    """The text or ids of a row, which is such itself or has it in a column."""
    if isinstance(row, Mapping):
        names = [column] if column is not None else [name for name in COLUMNS if name in row]
        if not names or names[0] not in row:
            wanted = repr(column) if column else " or ".join(map(repr, COLUMNS))
            raise BadRecordError(f"{where} has no {wanted}, it has {sorted(map(str, row))}")
        row = row[names[0]]
    if isinstance(row, Tensor) or hasattr(row, "tolist"):
        row = row.tolist()
    if isinstance(row, str):
        try:
            row.encode()
        except UnicodeEncodeError as error:
            raise BadRecordError(
                f"{where} has half of a character, which no tokenizer reads: {error}"
            ) from error
        return row
    if isinstance(row, Sequence) and all(type(each) is int for each in row):
        return list(row)
    shown = repr(row) if len(repr(row)) < 60 else repr(row)[:57] + "..."
    raise BadRecordError(f"{where} must be a text or a list of token ids, got {shown}")


def _of_value(index: int, row: Any, column: str | None, end: int, where: str) -> Record:
    """A record of a value that is in memory."""
    try:
        value = _value(row, column, where)
    except BadRecordError as error:
        return Record(index, repr(row).encode(errors="replace"), 1, end, functools.partial(_raise, error))
    if isinstance(value, str):
        content = value.encode()
        return Record(index, content, len(content) // BYTES_PER_TOKEN + 1, end, lambda: value)
    return Record(index, json.dumps(value).encode(), len(value), end, lambda: value)


def _raise(error: BadRecordError) -> Value:
    raise error


def _items(data: Iterable[Any], column: str | None) -> Iterator[Record]:
    index = 0
    for number, item in enumerate(data):
        for row in _rows_of_batch(item):
            yield _of_value(index, row, column, number + 1, f"item {number}")
            index += 1


def _rows_of_batch(item: Any) -> Iterator[Any]:
    """The rows of a batch of token ids, without their padding; anything else as it is."""
    ids, mask = item, None
    if isinstance(item, Mapping) and isinstance(item.get("input_ids"), Tensor):
        ids, mask = item["input_ids"], item.get("attention_mask")
    if not isinstance(ids, Tensor) or ids.ndim != 2:
        yield item
        return
    if mask is not None and (not isinstance(mask, Tensor) or mask.shape != ids.shape):
        shape = list(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise CollectError(f"the attention mask of input_ids {list(ids.shape)} must be as large, got {shape}")
    for number, row in enumerate(ids):
        yield row if mask is None else row[mask[number].bool()]


def _parquet(path: Path, column: str | None) -> Source:
    parquet = _needed("pyarrow.parquet", path)
    try:
        file = parquet.ParquetFile(path)
    except Exception as error:  # of pyarrow's many classes
        raise CollectError(f"{str(path)!r} is no Parquet file: {error}") from error
    name = _column(column, file.schema_arrow.names, str(path))

    def batches() -> Iterator[list[Any]]:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=ROWS_AT_ONCE, columns=[name]):
            yield batch.column(0).to_pylist()

    return _of_batches(str(path), batches, file.metadata.num_rows)


def _saved_dataset(path: Path, column: str | None, split: str | None) -> Source:
    datasets = _needed("datasets", path)
    try:
        data = datasets.load_from_disk(str(path))
    except Exception as error:  # of many classes: a file is missing, or is not what it seems
        raise CollectError(f"{str(path)!r} is no saved dataset that can be read: {error}") from error
    return _of_dataset(data, column, split, str(path))


def _of_dataset(data: Any, column: str | None, split: str | None, name: str) -> Source:
    if hasattr(data, "keys"):
        if split not in data:
            raise CollectError(f"{name!r} has the splits {sorted(data)}: choose one, got {split!r}")
        data, name = data[split], f"{name}, {split}"
    else:
        _no_split(split, name)
    if data.column_names is None:  # a stream whose columns nobody knows before it is read
        return Source(name, lambda: _items(data, column), None)
    chosen = _column(column, data.column_names, name)

    def batches() -> Iterator[list[Any]]:
        for batch in data.select_columns([chosen]).iter(ROWS_AT_ONCE):
            yield batch[chosen]

    return _of_batches(name, batches, len(data) if hasattr(data, "__len__") else None)


def _of_batches(name: str, batches: Callable[[], Iterator[list[Any]]], length: int | None) -> Source:
    def records() -> Iterator[Record]:
        index = 0
        for batch in batches():
            for row in batch:
                yield _of_value(index, row, None, index + 1, f"{name}, row {index}")
                index += 1

    return Source(name, records, length)


def _column(column: str | None, names: Sequence[str], where: str) -> str:
    wanted = COLUMNS if column is None else (column,)
    for name in wanted:
        if name in names:
            return name
    raise CollectError(f"{where!r} has no column {' or '.join(map(repr, wanted))}, it has {list(names)}")


def _needed(module: str, path: Path) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise CollectError(
            f"to read {str(path)!r} the package {package!r} is needed: pip install {package}"
        ) from error
