"""Pieces of like length, padded and run together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """What is run at once.

    Attributes:
        ids: `[batch, seq]`, padded on the right.
        mask: `[batch, seq]`, 1 where there is a token.
        take: `[kept]`, the tokens to keep as places in the flattened batch.
        rows: `[kept]`, the row of the shard for each of them.
    """

    ids: Tensor
    mask: Tensor
    take: Tensor
    rows: Tensor


def in_groups(lengths: list[int], batch_tokens: int) -> Iterator[list[int]]:
    """Which pieces are run together: those of like length, the longest first."""
    group: list[int] = []
    for at in sorted(range(len(lengths)), key=lambda at: (-lengths[at], at)):
        if group and (len(group) + 1) * lengths[group[0]] > batch_tokens:
            yield group
            group = []
        group.append(at)
    if group:
        yield group


def make_batch(
    tokens: NDArray[np.int64],
    kept: NDArray[np.bool_],
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
) -> Batch:
    """One batch.

    Args:
        tokens, kept, rows: of all tokens in one line: the id, whether it is kept, and its row.
        starts, lengths: where the pieces of this batch are in that line.
    """
    columns = np.arange(lengths.max())
    mask = columns < lengths[:, None]
    places = (starts[:, None] + columns)[mask]  # of the tokens of the batch among all tokens
    # Every model knows token 0. What stands to the right of a piece reaches none of its rows.
    ids = np.zeros(mask.shape, dtype=np.int64)
    ids[mask] = tokens[places]
    chosen = kept[places]
    return Batch(
        torch.from_numpy(ids),
        torch.from_numpy(mask.astype(np.int64)),
        torch.from_numpy(np.flatnonzero(mask)[chosen]),
        torch.from_numpy(rows[places][chosen]),
    )
