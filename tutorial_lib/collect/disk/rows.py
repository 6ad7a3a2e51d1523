"""Rows by number, and the rows of one layer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

if TYPE_CHECKING:
    from tutorial_lib.collect.disk.store import ActivationStore

Rows: TypeAlias = int | slice | Sequence[int] | Tensor | NDArray[Any]


def row_numbers(rows: Any, length: int) -> NDArray[np.int64]:
    """The numbers of the rows that were asked for, of `length` rows.

    Raises:
        IndexError: a row that does not exist, or something that names no rows.
    """
    if isinstance(rows, slice):
        return np.arange(*rows.indices(length), dtype=np.int64)
    numbers = np.asarray(rows)
    if numbers.dtype == bool and numbers.ndim:
        if numbers.shape != (length,):
            raise IndexError(f"a mask must have the shape ({length},), got {numbers.shape}")
        return np.flatnonzero(numbers)
    if numbers.size == 0:
        return np.empty(0, dtype=np.int64)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise IndexError(f"rows must be whole numbers or a slice, got {rows!r}")
    wrong = numbers[(numbers < -length) | (numbers >= length)]
    if wrong.size:
        raise IndexError(f"row {wrong[0]} is out of range: there are {length} rows")
    return numbers.astype(np.int64) % length


class StreamView(Dataset[Tensor]):
    """The rows of one layer of a store: a Dataset of `[d_model]`."""

    def __init__(self, store: "ActivationStore", name: str) -> None:
        self.store, self.name = store, name

    def __len__(self) -> int:
        return len(self.store)

    def __getitem__(self, rows: Rows) -> Tensor:
        """`[d_model]` for an int, else `[n_rows, d_model]`."""
        return self.store.read(rows, [self.name])[self.name]

    def __getitems__(self, rows: list[int]) -> list[Tensor]:
        return list(self[rows])

    def shards(self) -> list[Tensor]:
        """`[rows, d_model]` of each shard, mapped into memory: the way to go over all rows without copies."""
        return self.store.maps(self.name)

    def numpy(self, rows: Rows = slice(None)) -> NDArray[Any]:
        """The rows as an array. bfloat16, which NumPy does not know, becomes float32.

        All rows of a collection of one shard are a view of the file, for reading; other arrays are copies.
        """
        mapped = self.shards() if rows == slice(None) else []
        found = mapped[0] if len(mapped) == 1 else self[rows]
        array: NDArray[Any] = (found.float() if found.dtype == torch.bfloat16 else found).numpy()
        if len(mapped) == 1:
            array.flags.writeable = False  # a change would be seen by all who use this store
        return array
