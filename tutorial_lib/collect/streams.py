"""`collect_residual_streams`: the streams of a whole data set, as shards on disk."""

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.collect.background import WriteBehind
from tutorial_lib.collect.data.batches import Batch
from tutorial_lib.collect.data.where import Where
from tutorial_lib.collect.disk.folder import header_of, is_made, open_together, write_manifest
from tutorial_lib.collect.disk.shards import shard_path, write_shard
from tutorial_lib.collect.disk.store import ActivationStore
from tutorial_lib.collect.host_copies import HostCopies
from tutorial_lib.collect.job import Job, make_job, run
from tutorial_lib.collect.options import CollectOptions, OnBad, TooLong
from tutorial_lib.collect.plan import Plan
from tutorial_lib.collect.ranks import Ranks, find_ranks


def collect_residual_streams(
    model: nn.Module,
    data: Any,
    layers: Iterable[int],
    out: str | PathLike[str],
    *,
    tokenizer: Any = None,
    positions: Where = "all",
    dtype: torch.dtype | str | None = None,
    column: str | None = None,
    split: str | None = None,
    max_length: int | None = None,
    too_long: TooLong = "truncate",
    on_bad: OnBad = "error",
    add_special_tokens: bool = True,
    skip_special_tokens: bool = False,
    batch_tokens: int = 4096,
    shard_rows: int | None = None,
    rank: int | None = None,
    ranks: int | None = None,
    progress: bool = True,
) -> ActivationStore:
    """The residual streams of many documents, in a folder of safetensors files.

        store = collect_residual_streams(model, "texts.jsonl", [2, 4], "activations", tokenizer=tokenizer)
        store[0]["layer_2"]

    The forward pass stops after the last layer that is asked for. Documents of like length are run together,
    and padding is not kept. Rows stand in the order of the data. A run that was killed goes on with the same
    call, and gives the same bytes. Hooks that are on the model when it starts take part.

    Args:
        model: a decoder language model of transformers, in evaluation mode.
        data: the path of a .jsonl or .parquet file, or of a folder that `Dataset.save_to_disk` wrote or that
            has such files; "-" for JSONL from standard input; a Dataset, or an iterable of texts, of rows
            with a column, of lists of token ids, or of batches of token ids `[batch, seq]`, alone or with
            their attention mask.
        layers: 0 to n_layers. Layer i is the input of block i; n_layers is the output of the last block.
        out: a new or empty folder, or one that was begun with the same settings.
        tokenizer: the model's; not needed for token ids.
        positions: "all", "last", or an int, ints or a slice within each document; negative ones count from
            its end. A document that lacks a position gives no row for it.
        dtype: of the rows: float32, float16, bfloat16 or float64. None: the model's.
        column: that has the texts or token ids. None: "text" or "input_ids".
        split: of a saved DatasetDict.
        max_length: the longest piece that is run, in tokens. None: what the model says it can take.
        too_long: for a longer document: "truncate" keeps its start, "split" makes pieces that do not see each
            other (their positions go on), "skip" leaves it out, "error" stops. What was cut is counted.
        on_bad: for a record that cannot be read: "error" stops, "skip" counts it. Empty texts are counted.
        add_special_tokens: whether the tokenizer adds its own, such as one at the start.
        skip_special_tokens: do not keep the rows of special tokens. They are run.
        batch_tokens: padded tokens in a batch, at most, unless one document is longer.
        shard_rows: about how many rows a file has. None: such that it has about 256 MiB.
        rank: which of several processes this is, from 0, where nothing has set it. Processes started by
            torchrun or `accelerate launch` know it. They must see the same folder.
        ranks: how many processes there are, where nothing has set it.
        progress: show tokens per second and the time left, on standard error.

    Returns:
        The finished collection. If other ranks have not finished yet and there is no process group to wait
        in, the part of it that is there.

    Raises:
        CollectError: data, a folder or a setting cannot be used; the message says why. What was written
            before stays, and is used by the next run.
        ValueError, TypeError: a layer that does not exist or is no number.
        OSError: the disk is full, for example. No half shard is left.
    """
    return collect_rows(model, data, layers, out, CollectOptions.of(locals()))


def collect_rows(
    model: nn.Module, data: Any, layers: Iterable[int], out: str | PathLike[str], options: CollectOptions
) -> ActivationStore:
    """`collect_residual_streams`, with its options in one."""
    job = make_job(model, data, layers, options)
    return run_job(job, Path(out).expanduser(), find_ranks(options.rank, options.ranks))


def run_job(job: Job, folder: Path, here: Ranks) -> ActivationStore:
    """Does what `collect_residual_streams` does once everything is checked."""
    open_together(folder, job.settings, here)
    digest = job.settings.digest()
    with WriteBehind(_write) as writer:
        n_shards = run(
            job,
            here,
            lambda chunk, content: is_made(folder, chunk, content, digest),
            _ShardSink(folder, job, writer),
        )
    here.wait()
    if here.rank == 0 or here.group is None:
        write_manifest(folder, n_shards)
    here.wait()
    return ActivationStore(folder, unfinished=True)


class _ShardSink:
    """Puts the rows of a plan in their places, and hands them over to be written."""

    def __init__(self, folder: Path, job: Job, writer: WriteBehind[Any]) -> None:
        self._folder, self._job, self._writer = folder, job, writer
        self._copies = HostCopies(job.dtype)
        self._digest = job.settings.digest()
        self._rows: dict[int, Tensor] = {}

    def begin(self, plan: Plan) -> None:
        shape = plan.n_rows, self._job.settings.d_model
        self._rows = {layer: torch.empty(shape, dtype=self._job.dtype) for layer in self._job.layers}

    def keep(self, batch: Batch, rows: dict[int, Tensor]) -> None:
        self._writer.check()  # a full disk is told now, not when the shard after it is ready

        def put(arrived: dict[int, Tensor]) -> None:
            for layer, tensor in arrived.items():
                self._rows[layer].index_copy_(0, batch.rows, tensor)

        self._copies.send(rows, put)

    def end(self, plan: Plan) -> None:
        self._copies.flush()
        tensors = {f"layer_{layer}": rows for layer, rows in self._rows.items()} | plan.columns
        path = shard_path(self._folder, plan.chunk.number)
        self._rows = {}
        self._writer.put((path, tensors, header_of(plan, self._digest)))


def _write(item: tuple[Path, dict[str, Tensor], dict[str, Any]]) -> None:
    path, tensors, header = item
    write_shard(path, tensors, {**header, "not_finite": _not_finite(tensors)})


def _not_finite(tensors: dict[str, Tensor]) -> int:
    """How many rows have inf or NaN in a layer, such as what is too large for float16."""
    streams = [tensor for tensor in tensors.values() if tensor.is_floating_point()]
    odd = torch.zeros(len(streams[0]), dtype=torch.bool)
    for rows in streams:
        # A sum is twenty times faster than a look at each number, and never finite if one of them is not.
        sums = rows.sum(1, dtype=torch.promote_types(rows.dtype, torch.float32))
        suspects = sums.isfinite().logical_not().nonzero()[:, 0]
        odd[suspects] |= rows[suspects].isfinite().all(1).logical_not()
    return int(odd.sum())
