"""Several processes that share one collection: each makes the shards of its own numbers."""

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch.distributed as dist

from tutorial_lib.collect.errors import CollectError, ElsewhereError

# Ranks that are done wait for the others; the default of half an hour would end a long collection.
PATIENCE = timedelta(days=365)


@dataclass(frozen=True)
class Ranks:
    """Which of several processes this one is.

    Attributes:
        rank: from 0 to `size` - 1.
        size: how many there are.
        group: their process group. None: they know of each other by the files alone.
    """

    rank: int
    size: int
    group: Any = None

    def has(self, number: int) -> bool:
        """Whether a shard is this process's to make."""
        return number % self.size == self.rank

    def agree(self, problem: str | None) -> None:
        """Raises on all of them if there is a problem on one, so that none waits for those that gave up."""
        problems = enumerate(self.gather(problem))
        found = [f"rank {rank}: {text}" for rank, text in problems if text is not None]
        if problem is not None:
            raise CollectError(problem)
        if found:
            raise ElsewhereError(found[0])

    def wait(self) -> None:
        """Until all of them are here."""
        if self.group is not None:
            dist.barrier(group=self.group)

    def gather(self, value: Any) -> list[Any]:
        """The value of each of them, on each of them; without a group only the own one."""
        if self.group is None:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value, group=self.group)
        return values


def find_ranks(rank: int | None = None, size: int | None = None) -> Ranks:
    """From the arguments, or else from what torchrun and `accelerate launch` put into the environment.

    With the arguments the processes need no network: jobs of an array, say, that share a folder.

    Raises:
        CollectError: a rank outside of the size, or one without the other.
    """
    check_rank(rank, size)
    if rank is not None and size is not None:
        return Ranks(rank, size)
    if not dist.is_available():
        return Ranks(0, 1)
    if not dist.is_initialized():
        if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "MASTER_ADDR" not in os.environ:
            return Ranks(0, 1)
        dist.init_process_group("gloo", timeout=PATIENCE)
    # A group of our own: what is waited for is on the host, and for long, whatever the other one is for.
    group = dist.new_group(backend="gloo", timeout=PATIENCE)
    return Ranks(dist.get_rank(), dist.get_world_size(), group)


def check_rank(rank: int | None, size: int | None) -> None:
    """Raises CollectError for a rank outside of the size, and for one without the other."""
    if (rank is None) != (size is None):
        raise CollectError(f"give the rank and the number of ranks together, got {rank} and {size}")
    if rank is not None and size is not None and not 0 <= rank < size:
        raise CollectError(f"rank {rank} is out of range: of {size} ranks there are 0 to {size - 1}")
