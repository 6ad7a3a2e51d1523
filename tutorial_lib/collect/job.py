"""What is to be collected, checked before anything is run, and the loop that runs it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from tutorial_lib.architecture.hf import unwrapped
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.collect.background import read_ahead
from tutorial_lib.collect.batch_capture import BatchCapture, capturing, layers_to_collect
from tutorial_lib.collect.data.batches import Batch
from tutorial_lib.collect.data.chunks import Budget, Chunk, in_chunks
from tutorial_lib.collect.data.records import STDIN, open_source
from tutorial_lib.collect.data.values import Source
from tutorial_lib.collect.data.where import rows_of_record
from tutorial_lib.collect.disk.provenance import Settings, checksum_of_weights, hash_of_tokenizer, versions
from tutorial_lib.collect.errors import CollectError
from tutorial_lib.collect.options import CollectOptions
from tutorial_lib.collect.plan import Plan, Reading, make_plan
from tutorial_lib.collect.progress_report import reporting
from tutorial_lib.collect.ranks import Ranks

SHARD_BYTES = 256 * 2**20
SHARD_TOKENS = 2**20
SHARD_DOCUMENTS = 2**16


@dataclass(frozen=True)
class Job:
    """A checked order."""

    model: nn.Module
    source: Source
    layers: list[int]
    dtype: torch.dtype
    reading: Reading
    budget: Budget
    settings: Settings


class Sink(Protocol):
    """Where rows go. For each plan: `begin`, `keep` for each batch, `end`."""

    def begin(self, plan: Plan) -> None: ...

    def keep(self, batch: Batch, rows: dict[int, Tensor]) -> None: ...

    def end(self, plan: Plan) -> None: ...


def make_job(model: nn.Module, data: Any, layers: Iterable[int], options: CollectOptions) -> Job:
    """Checks everything that can be checked without the data; see `collect_residual_streams`."""
    source = open_source(data, column=options.column, split=options.split)
    model = unwrapped(model)  # DistributedDataParallel would have the ranks wait for each other in each pass
    wanted = layers_to_collect(model, layers)
    if any(module.training for module in model.modules()):
        raise CollectError(
            "the model, or a part of it, is in training mode, in which dropout is on: call model.eval() first"
        )
    tokenizer = options.tokenizer
    if options.skip_special_tokens and tokenizer is None:
        raise CollectError("skip_special_tokens needs the tokenizer, which knows them")
    config: Any = stream_of(model).config
    reading = Reading(
        options,
        longest=options.max_length or _longest(config, tokenizer),
        skip_tokens=frozenset(tokenizer.all_special_ids if options.skip_special_tokens else ()),
        vocab_size=getattr(config, "vocab_size", None),
    )
    d_model, dtype = _probe(model, wanted, options.dtype)
    budget = Budget(
        tokens=SHARD_TOKENS,
        rows=options.shard_rows or max(1024, SHARD_BYTES // (len(wanted) * d_model * dtype.itemsize)),
        records=SHARD_DOCUMENTS,
        longest=None if options.too_long == "split" else reading.longest,
        rows_of_record=rows_of_record(options.positions),
    )
    settings = _settings(model, wanted, d_model, dtype, reading, budget)
    return Job(model, source, wanted, dtype, reading, budget, settings)


def run(job: Job, ranks: Ranks, done: Callable[[Chunk, str], bool], sink: Sink) -> int:
    """Runs the chunks of this rank that are not done, in their order.

    Args:
        done: whether a chunk with this hash needs no run.
        sink: gets the rows.

    Returns:
        How many chunks there are in the data, of all ranks.
    """
    if ranks.group is not None and job.source.name == STDIN:
        raise CollectError("standard input is for one process; give the ranks a file that all can read")
    count = 0
    device = device_of(job.model)

    def plans() -> Iterator[Plan | int]:
        """Plans to run; or how much of the data is done, for chunks that need no run."""
        nonlocal count
        for chunk in in_chunks(job.source.records(), job.budget):
            count += 1
            if ranks.has(chunk.number) and not done(chunk, content := chunk.content()):
                yield make_plan(chunk, content, job.reading)
            else:
                yield chunk.records[-1].end

    progress = job.reading.options.progress and (ranks.rank == 0 or ranks.group is None)
    with (
        reporting(job.source.length, progress) as report,
        closing(read_ahead(plans())) as ready,
        ExitStack() as hooks,
    ):
        capture: BatchCapture | None = None
        for plan in ready:
            if isinstance(plan, int):
                report.skip(plan)
                continue
            sink.begin(plan)
            records = plan.chunk.records
            before = records[0].end
            for number, batch in enumerate(plan.batches):
                if capture is None:  # not before there is something to run: hooks must not be on in vain
                    capture = hooks.enter_context(capturing(job.model, job.layers))
                sink.keep(batch, _run_batch(capture, batch, device))
                share = (number + 1) / len(plan.batches)
                report.advance(before + int(share * (records[-1].end - before)), int(batch.mask.sum()))
            sink.end(plan)
    return count


def _run_batch(capture: BatchCapture, batch: Batch, device: torch.device) -> dict[int, Tensor]:
    ids, mask, take = batch.ids, batch.mask, batch.take
    if device.type == "cuda":  # from pinned memory the copy does not wait for the device
        ids, mask, take = (part.pin_memory().to(device, non_blocking=True) for part in (ids, mask, take))
    else:
        ids, mask, take = (part.to(device) for part in (ids, mask, take))
    return capture(ids, mask, take)


def device_of(model: nn.Module) -> torch.device:
    """Where its inputs go. What accelerate has offloaded is on the meta device; it moves inputs itself."""
    devices = (parameter.device for parameter in model.parameters())
    return next((device for device in devices if device.type != "meta"), torch.device("cpu"))


def _longest(config: Any, tokenizer: Any) -> int:
    """The longest input that the model says it can take; 2048 where it says nothing."""
    found = [
        getattr(config, name, None) for name in ("max_position_embeddings", "n_positions", "max_seq_len")
    ]
    found.append(getattr(tokenizer, "model_max_length", None))
    known = [value for value in found if isinstance(value, int) and 0 < value < 10**9]
    return min(known, default=2048)


def _probe(model: nn.Module, layers: list[int], dtype: Any) -> tuple[int, torch.dtype]:
    """The width and dtype of rows, from a run of one token: no model that cannot be collected begins."""
    one = torch.zeros(1, 1, dtype=torch.int64, device=device_of(model))
    with capturing(model, layers) as capture:
        found = capture(one, torch.ones_like(one), one[0])
    widths = {rows.shape[-1] for rows in found.values()}
    if len(widths) > 1:
        raise CollectError(f"the layers {layers} have streams of several widths, {sorted(widths)}")
    of_rows: torch.dtype = found[layers[-1]].dtype if dtype is None else getattr(torch, dtype)
    return widths.pop(), of_rows


def _settings(
    model: nn.Module, layers: list[int], d_model: int, dtype: torch.dtype, reading: Reading, budget: Budget
) -> Settings:
    host = stream_of(model).host
    config = getattr(host, "config", None)
    options = reading.options
    where = options.positions
    return Settings(
        model=str(getattr(config, "_name_or_path", "") or ""),
        revision=getattr(config, "_commit_hash", None),
        model_class=type(host).__name__,
        weights=checksum_of_weights(model),
        model_dtype=str(next(model.parameters()).dtype).removeprefix("torch."),
        device=device_of(model).type,
        tokenizer=None if options.tokenizer is None else hash_of_tokenizer(options.tokenizer),
        layers=layers,
        d_model=d_model,
        dtype=str(dtype).removeprefix("torch."),
        positions=f"{where.start}:{where.stop}:{where.step}" if isinstance(where, slice) else where,
        add_special_tokens=options.add_special_tokens,
        skip_tokens=sorted(reading.skip_tokens),
        max_length=reading.longest,
        too_long=options.too_long,
        batch_tokens=options.batch_tokens,
        shard_tokens=budget.tokens,
        shard_rows=budget.rows,
        shard_documents=budget.records,
        **versions(),
    )
