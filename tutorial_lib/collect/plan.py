"""From a chunk of records to batches of token ids, and to the row of the shard for each token that is
kept."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tutorial_lib.collect.data.batches import Batch, in_groups, make_batch
from tutorial_lib.collect.data.chunks import Chunk
from tutorial_lib.collect.data.values import Value
from tutorial_lib.collect.data.where import select_positions
from tutorial_lib.collect.errors import BadRecordError, CollectError
from tutorial_lib.collect.options import CollectOptions


@dataclass(frozen=True)
class Reading:
    """How documents become rows.

    Attributes:
        options: what the caller asked for.
        longest: the longest piece that is run, in tokens.
        skip_tokens: ids of tokens that are run and not kept.
        vocab_size: ids must be less than this; not checked if None.
    """

    options: CollectOptions
    longest: int
    skip_tokens: frozenset[int]
    vocab_size: int | None


@dataclass(frozen=True)
class Piece:
    """Token ids that are run together: a document, or a part of one that starts at `offset`.

    Attributes:
        kept: the chosen positions within the piece. None: all.
    """

    document: int
    offset: int
    ids: list[int]
    kept: list[int] | None


@dataclass(frozen=True)
class Plan:
    """A chunk that is ready to be run.

    Attributes:
        chunk: what it is made of.
        content: the hash of its records.
        batches: in the order of running, pieces of like length together.
        columns: "document", "position" and "token" of each row, `[rows]`, in the order of the data.
        skipped: how many documents were left out or cut, by reason.
        tokens: that are run, without padding.
    """

    chunk: Chunk
    content: str
    batches: list[Batch]
    columns: dict[str, Tensor]
    skipped: dict[str, int]
    tokens: int

    @property
    def n_rows(self) -> int:
        return len(self.columns["document"])


def make_plan(chunk: Chunk, content: str, reading: Reading) -> Plan:
    """The batches of a chunk and its rows.

    Raises:
        BadRecordError: a record cannot be read, and `on_bad` is "error".
        CollectError: a document is too long, and `too_long` is "error".
    """
    skipped: Counter[str] = Counter()
    pieces = list(_pieces(_encoded(chunk, reading, skipped), reading, skipped))
    lengths = np.array([len(piece.ids) for piece in pieces], dtype=np.int64)
    starts = np.cumsum(lengths) - lengths  # of each piece, where all tokens stand in one line
    tokens = np.fromiter(chain.from_iterable(piece.ids for piece in pieces), np.int64, int(lengths.sum()))
    positions = np.arange(len(tokens)) - np.repeat(starts, lengths)
    kept = _kept(pieces, starts, tokens, reading.skip_tokens)
    offsets = np.array([piece.offset for piece in pieces], dtype=np.int64)
    documents = np.array([piece.document for piece in pieces], dtype=np.int64)
    columns = {
        "document": np.repeat(documents, lengths)[kept],
        "position": (positions + np.repeat(offsets, lengths))[kept],
        "token": tokens[kept],
    }
    rows = np.cumsum(kept) - 1
    batches = [
        make_batch(tokens, kept, rows, starts[group], lengths[group])
        for group in in_groups(lengths.tolist(), reading.options.batch_tokens)
    ]
    return Plan(
        chunk,
        content,
        batches,
        {name: torch.from_numpy(values) for name, values in columns.items()},
        {reason: count for reason, count in sorted(skipped.items()) if count},
        len(tokens),
    )


def _encoded(chunk: Chunk, reading: Reading, skipped: Counter[str]) -> list[tuple[int, list[int]]]:
    """The index and token ids of the documents of a chunk, all texts tokenized in one call."""
    values: list[tuple[int, Value]] = []
    for record in chunk.records:
        try:
            value = record.value()
            if not isinstance(value, str):
                _check_ids(value, reading.vocab_size, record.index)
        except BadRecordError:
            if reading.options.on_bad == "error":
                raise
            skipped["bad"] += 1
            continue
        if len(value) == 0:
            skipped["empty"] += 1
        else:
            values.append((record.index, value))
    texts = [value for _, value in values if isinstance(value, str)]
    if texts and reading.options.tokenizer is None:
        raise CollectError("the data are texts: give the model's tokenizer")
    encoded = iter(_tokenized(texts, reading) if texts else [])
    documents = [(index, next(encoded) if isinstance(value, str) else value) for index, value in values]
    skipped["empty"] += sum(not ids for _, ids in documents)
    return [(index, ids) for index, ids in documents if ids]


def _tokenized(texts: list[str], reading: Reading) -> list[list[int]]:
    options = reading.options
    # verbose: no warning about long texts, which are dealt with here
    found = options.tokenizer(texts, add_special_tokens=options.add_special_tokens, verbose=False)
    ids: list[list[int]] = found["input_ids"]
    most = max((max(each) for each in ids if each), default=0)
    if reading.vocab_size is not None and most >= reading.vocab_size:
        raise CollectError(
            f"the tokenizer gives the token id {most}, and the model knows 0 to {reading.vocab_size - 1}: "
            "the tokenizer is not this model's"
        )
    return ids


def _check_ids(ids: list[int], vocab_size: int | None, index: int) -> None:
    if not ids:
        return
    least, most = min(ids), max(ids)
    if least < 0 or (vocab_size is not None and most >= vocab_size):
        known = "ids start at 0" if vocab_size is None else f"the model knows 0 to {vocab_size - 1}"
        raise BadRecordError(f"document {index} has the token id {least if least < 0 else most}; {known}")


def _pieces(
    documents: Iterable[tuple[int, list[int]]], reading: Reading, skipped: Counter[str]
) -> Iterator[Piece]:
    longest = reading.longest
    for index, ids in documents:
        if len(ids) > longest:
            if reading.options.too_long == "error":
                raise CollectError(
                    f"document {index} has {len(ids)} tokens, more than max_length {longest}; "
                    'too_long can be "truncate", "split" or "skip"'
                )
            if reading.options.too_long == "skip":
                skipped["too long"] += 1
                continue
            if reading.options.too_long == "truncate":
                skipped["cut to max_length"] += 1
                ids = ids[:longest]
            else:
                skipped["split at max_length"] += 1
        yield from _pieces_of(index, ids, reading, skipped)


def _pieces_of(index: int, ids: list[int], reading: Reading, skipped: Counter[str]) -> Iterator[Piece]:
    """The pieces of one document that have a chosen position."""
    longest = reading.longest
    if reading.options.positions == "all":
        for offset in range(0, len(ids), longest):
            yield Piece(index, offset, ids[offset : offset + longest], None)
        return
    chosen = select_positions(reading.options.positions, len(ids))
    if not chosen:
        skipped["without a position to keep"] += 1
    for offset, within in groupby(chosen, lambda at: at - at % longest):
        yield Piece(index, offset, ids[offset : offset + longest], [at - offset for at in within])


def _kept(
    pieces: Sequence[Piece],
    starts: NDArray[np.int64],
    tokens: NDArray[np.int64],
    skip_tokens: frozenset[int],
) -> NDArray[np.bool_]:
    """Whether each token is kept."""
    kept = np.zeros(len(tokens), dtype=np.bool_)
    for piece, start in zip(pieces, starts.tolist(), strict=True):
        if piece.kept is None:
            kept[start : start + len(piece.ids)] = True
        else:
            kept[[start + at for at in piece.kept]] = True
    if skip_tokens:
        kept &= ~np.isin(tokens, list(skip_tokens))
    return kept
