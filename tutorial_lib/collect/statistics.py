"""Statistics of the residual streams of a whole data set, without storing them."""

import hashlib
import time
from collections.abc import Iterable
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from tutorial_lib.collect.data.batches import Batch
from tutorial_lib.collect.data.chunks import Chunk
from tutorial_lib.collect.data.where import Where
from tutorial_lib.collect.disk.folder import STATISTICS, open_together
from tutorial_lib.collect.disk.shards import map_shard, read_header, write_shard
from tutorial_lib.collect.errors import CollectError, OthersNotDoneError
from tutorial_lib.collect.job import Job, make_job, run
from tutorial_lib.collect.moments import Moments, StreamStatistics
from tutorial_lib.collect.options import CollectOptions, OnBad, TooLong
from tutorial_lib.collect.plan import Plan
from tutorial_lib.collect.ranks import Ranks, find_ranks

SAVE_EVERY = 60.0  # seconds; so much work is lost at most when a process is killed
CHUNK_ROWS = 2**16  # no shards are written, so chunks are small: one is what comes between two savings


def collect_statistics(
    model: nn.Module,
    data: Any,
    layers: Iterable[int],
    out: str | PathLike[str] | None = None,
    *,
    tokenizer: Any = None,
    positions: Where = "all",
    column: str | None = None,
    split: str | None = None,
    max_length: int | None = None,
    too_long: TooLong = "truncate",
    on_bad: OnBad = "error",
    add_special_tokens: bool = True,
    skip_special_tokens: bool = False,
    batch_tokens: int = 4096,
    rank: int | None = None,
    ranks: int | None = None,
    progress: bool = True,
) -> dict[str, StreamStatistics]:
    """Mean, covariance and norms of the residual streams of many documents; the streams are not stored.

        found = collect_statistics(model, "texts.jsonl", [2], tokenizer=tokenizer)
        found["layer_2"].mean

    Memory is one `[d_model, d_model]` matrix of float64 for each layer, however long the data. The other
    arguments are those of `collect_residual_streams`.

    Args:
        out: a folder for the sums. They are saved there every minute, so that a run that was killed goes on,
            and `read_statistics` reads them. None: they are not saved.

    Returns:
        The statistics of all ranks under "layer_2" and so on.

    Raises:
        CollectError, ValueError, TypeError, OSError: as for `collect_residual_streams`. Several ranks without
            a process group need `out`.
        OthersNotDoneError: to ranks without a process group, all but the last one. Nothing is wrong: that
            one writes the statistics of all.
    """
    return add_up(model, data, layers, out, CollectOptions.of(locals()))


def add_up(
    model: nn.Module,
    data: Any,
    layers: Iterable[int],
    out: str | PathLike[str] | None,
    options: CollectOptions,
) -> dict[str, StreamStatistics]:
    """`collect_statistics`, with its options in one."""
    job = make_job(model, data, layers, replace(options, shard_rows=CHUNK_ROWS))
    here = find_ranks(options.rank, options.ranks)
    folder = None if out is None else Path(out).expanduser()
    if folder is not None:
        open_together(folder, job.settings, here)
    sink = _MomentSink(job, here, folder)
    run(job, here, sink.has, sink)
    sink.finish()
    return _merged(job, here, folder, sink)


def read_statistics(folder: str | PathLike[str]) -> dict[str, StreamStatistics]:
    """What `collect_statistics` wrote.

    Args:
        folder: that was given as `out`.

    Returns:
        The statistics under "layer_2" and so on.

    Raises:
        CollectError: there is nothing, or it is not finished.
    """
    path = Path(folder) / STATISTICS
    if not path.is_file():
        raise CollectError(f"there are no finished statistics in {str(folder)!r}: it has no {STATISTICS}")
    return {f"layer_{layer}": each.statistics() for layer, each in _read(path).items()}


class _MomentSink:
    """Adds rows up, and saves the sums now and then."""

    def __init__(self, job: Job, ranks: Ranks, folder: Path | None) -> None:
        self._digest = job.settings.digest()
        self._path = None if folder is None else _part(folder, ranks.rank, ranks.size)
        self.moments = {layer: Moments(job.settings.d_model) for layer in job.layers}
        self._seen = hashlib.sha256().hexdigest()  # of the chunks so far
        self._next = 0
        self._before: tuple[int, str] | None = None
        self._saved = time.monotonic()
        if self._path is not None and self._path.exists():
            header = read_header(self._path)
            if header["settings"] != self._digest:
                raise CollectError(
                    f"{str(self._path)!r} was made with other settings; delete it, or choose another folder"
                )
            self.moments = _read(self._path)
            self._before = header["next"], header["content"]

    def has(self, chunk: Chunk, content: str) -> bool:
        """Whether the sums of an earlier run have a chunk in them already. Chunks come in their order."""
        if self._before is None or chunk.number >= self._before[0]:
            return False
        self._count(chunk.number, content)
        if self._next == self._before[0] and self._seen != self._before[1]:
            raise self._changed()
        return True

    def _changed(self) -> CollectError:
        return CollectError(f"the data have changed: the sums in {str(self._path)!r} are of other documents")

    def begin(self, plan: Plan) -> None:
        pass

    def keep(self, batch: Batch, rows: dict[int, Tensor]) -> None:
        for layer, each in rows.items():
            self.moments[layer].add(each)

    def end(self, plan: Plan) -> None:
        self._count(plan.chunk.number, plan.content)
        if time.monotonic() - self._saved > SAVE_EVERY:
            self.save()

    def finish(self) -> None:
        """Saves the sums as those of all data."""
        if self._before is not None and self._next < self._before[0]:
            raise self._changed()
        self.save(finished=True)

    def save(self, *, finished: bool = False) -> None:
        if self._path is not None:
            header = {
                "settings": self._digest,
                "next": self._next,
                "content": self._seen,
                "finished": finished,
            }
            write_shard(self._path, _tensors(self.moments), header)
            self._saved = time.monotonic()

    def _count(self, number: int, content: str) -> None:
        self._next = number + 1
        self._seen = hashlib.sha256((self._seen + content).encode()).hexdigest()


def _merged(job: Job, ranks: Ranks, folder: Path | None, sink: _MomentSink) -> dict[str, StreamStatistics]:
    if ranks.group is not None or ranks.size == 1:
        parts = ranks.gather(sink.moments)
    elif folder is None:
        raise CollectError("ranks that know of each other by files alone need a folder: give `out`")
    else:
        paths = [_part(folder, rank, ranks.size) for rank in range(ranks.size)]
        missing = [path.name for path in paths if not (path.exists() and read_header(path)["finished"])]
        if missing:
            raise OthersNotDoneError(f"this rank is done; {', '.join(missing)} of the others are not yet")
        parts = [_read(path) for path in paths]
    total = {layer: Moments(job.settings.d_model) for layer in job.layers}
    for part in parts:
        for layer, moments in part.items():
            total[layer].merge(moments)
    if folder is not None and (ranks.rank == 0 or ranks.group is None):
        header = {"settings": job.settings.digest(), "ranks": ranks.size}
        write_shard(folder / STATISTICS, _tensors(total), header)
    ranks.wait()
    return {f"layer_{layer}": moments.statistics() for layer, moments in total.items()}


def _part(folder: Path, rank: int, size: int) -> Path:
    return folder / f"sums-{rank}-of-{size}.safetensors"


def _tensors(moments: dict[int, Moments]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for layer, each in moments.items():
        tensors |= each.tensors(str(layer))
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def _read(path: Path) -> dict[int, Moments]:
    tensors = map_shard(path)
    layers = sorted({int(name.partition(".")[0]) for name in tensors})
    return {layer: Moments.of_tensors(tensors, str(layer)) for layer in layers}
