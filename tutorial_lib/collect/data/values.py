"""A record of the data: the text or the token ids of one document."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from tutorial_lib.collect.errors import BadRecordError, CollectError

Value: TypeAlias = str | list[int]
BYTES_PER_TOKEN = 4  # of English text, about; shards are cut by it, before anything is tokenized
COLUMNS = ("text", "input_ids")


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


def parsed(line: bytes, column: str | None, where: str) -> Value:
    try:
        row = json.loads(line)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise BadRecordError(f"{where} is no JSON: {error}") from error
    return value_of(row, column, where)


def value_of(row: Any, column: str | None, where: str) -> Value:
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


def record_of(index: int, row: Any, column: str | None, end: int, where: str) -> Record:
    """A record of a value that is in memory."""
    try:
        value = value_of(row, column, where)
    except BadRecordError as error:
        return Record(index, repr(row).encode(errors="replace"), 1, end, functools.partial(_raise, error))
    if isinstance(value, str):
        content = value.encode()
        return Record(index, content, len(content) // BYTES_PER_TOKEN + 1, end, lambda: value)
    return Record(index, json.dumps(value).encode(), len(value), end, lambda: value)


def _raise(error: BadRecordError) -> Value:
    raise error


def items(data: Iterable[Any], column: str | None) -> Iterator[Record]:
    index = 0
    for number, item in enumerate(data):
        for row in _rows_of_batch(item):
            yield record_of(index, row, column, number + 1, f"item {number}")
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
