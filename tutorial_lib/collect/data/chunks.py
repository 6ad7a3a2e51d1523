"""Cut records into chunks, each of which becomes one shard."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tutorial_lib.collect.data.values import Record


@dataclass(frozen=True)
class Budget:
    """When a chunk is full.

    Attributes:
        tokens: about how many tokens are run for it; so much work is lost at most when a process is killed.
        rows: about how many rows its shard has.
        records: how many records it has at most, so that a million empty ones do not pile up in memory.
        longest: tokens that are read of one record. None: all.
        rows_of_record: how many rows a record gives. None: one for each token.
    """

    tokens: int
    rows: int
    records: int
    longest: int | None = None
    rows_of_record: int | None = None


@dataclass(frozen=True)
class Chunk:
    """Records that follow each other.

    Attributes:
        number: from 0.
        records: at least one.
    """

    number: int
    records: list[Record]

    def content(self) -> str:
        """A hash of what its records are: it changes when the data change."""
        found = hashlib.sha256()
        for record in self.records:
            found.update(f"{record.index} {len(record.content)} ".encode())
            found.update(record.content)
        return found.hexdigest()

    def __str__(self) -> str:
        first, last = self.records[0].index, self.records[-1].index
        return f"documents {first} to {last}"


def in_chunks(records: Iterable[Record], budget: Budget) -> Iterator[Chunk]:
    """All records in their order. Nothing is tokenized to cut them, so what is done already costs little."""
    number = tokens = rows = 0
    gathered: list[Record] = []
    for record in records:
        size = record.size if budget.longest is None else min(record.size, budget.longest)
        gathered.append(record)
        tokens += size
        rows += size if budget.rows_of_record is None else budget.rows_of_record
        if tokens >= budget.tokens or rows >= budget.rows or len(gathered) >= budget.records:
            yield Chunk(number, gathered)
            number, gathered, tokens, rows = number + 1, [], 0, 0
    if gathered:
        yield Chunk(number, gathered)
