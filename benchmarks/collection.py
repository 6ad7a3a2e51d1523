"""What collecting costs: tokens per second against a bare forward pass, and memory against the size of data.

    python -m benchmarks.collection --out benchmarks/results/collection/cpu.json

Speed: a random Llama of 8 layers and width 512, documents of 32 to 256 tokens, float16, every position. All
variants run the same padded batches in the same order, and take turns: each stands directly before or after a
bare pass and is compared with it. The bare pass ends at the last norm, for collecting needs no logits. A
collection is timed from the first record that is read to the manifest on the disk; what is done once, before,
such as the checksum of the weights, is timed apart. Both clocks are read: processor time counts what the
threads that read and write take, on whatever core. A bare pass on a busy machine varies by more than what is
added to it, so each collection also says which part of its own processor time was the model's pass.

Memory: the model in the box and a JSONL file of 1, 2, 5 and 10 times as much, each in a process of its own.
"""

from __future__ import annotations

import argparse
import datetime
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress

from benchmarks import collection_memory, collection_peers
from benchmarks.machine import installed, load, machine, versions
from benchmarks.timing import beside_bare
from tutorial_lib.collect.batch_capture import BatchCapture

HIDDEN, LAYERS, VOCABULARY = 512, 8, 2048
BATCH_TOKENS = 512
SHARD_ROWS = 512
WARMUP = 1
errors = Console(stderr=True)


@dataclass(frozen=True)
class CollectionVariant:
    """One thing that is timed; `run` gets an empty folder."""

    name: str
    library: str
    layers: str
    run: Callable[[Path], Any]


def build() -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=HIDDEN,
        intermediate_size=3 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=8,
        num_key_value_heads=8,
        vocab_size=VOCABULARY,
    )
    return LlamaForCausalLM(config).eval()


def documents(tokens: int) -> list[list[int]]:
    draw, found = random.Random(0), []
    while tokens > 0:
        length = draw.randint(32, 256)
        found.append([draw.randrange(1, VOCABULARY) for _ in range(length)])
        tokens -= length
    return found


def job_of(model: Any, data: list[list[int]], layers: list[int]) -> Any:
    """A checked order to collect every position as float16."""
    from tutorial_lib.collect.job import make_job
    from tutorial_lib.collect.options import CollectOptions

    options = CollectOptions(
        dtype="float16", batch_tokens=BATCH_TOKENS, shard_rows=SHARD_ROWS, progress=False
    )
    return make_job(model, data, layers, options)


def batches_of(job: Any) -> list[Any]:
    """The batches that a collection runs."""
    from tutorial_lib.collect.data.chunks import in_chunks
    from tutorial_lib.collect.plan import make_plan

    chunks = in_chunks(job.source.records(), job.budget)
    return [batch for chunk in chunks for batch in make_plan(chunk, "", job.reading).batches]


def ordinary(model: Any, data: list[list[int]]) -> list[CollectionVariant]:
    """The bare pass, then this library."""
    from tutorial_lib.collect.ranks import Ranks
    from tutorial_lib.collect.streams import run_job

    batches = batches_of(job_of(model, data, [LAYERS]))

    def bare(folder: Path) -> None:
        for batch in batches:
            model.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)

    def with_logits(folder: Path) -> None:
        for batch in batches:
            model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)

    def half(folder: Path) -> None:
        """The blocks below the middle and nothing else, ended by an exception as in a collection."""

        def stop(module: Any, args: Any, kwargs: Any) -> None:
            raise _Done

        handle = model.model.layers[LAYERS // 2].register_forward_pre_hook(stop, with_kwargs=True)
        try:
            for batch in batches:
                with suppress(_Done):
                    model.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
        finally:
            handle.remove()

    def collect(layers: list[int]) -> Callable[[Path], Any]:
        job = job_of(model, data, layers)

        def run(folder: Path) -> float:
            """Gives the part of its processor time that was the model's own pass."""
            with pass_timed(model) as of_pass:
                start = time.process_time()
                run_job(job, folder / "out", Ranks(0, 1))
                return sum(of_pass) / (time.process_time() - start)

        return run

    def set_up(folder: Path) -> None:
        job_of(model, data, [LAYERS])

    ours = "this library"
    return [
        CollectionVariant("bare pass", "transformers", "none", bare),
        CollectionVariant("bare pass again", "transformers", "none", bare),
        CollectionVariant("bare pass with logits", "transformers", "none", with_logits),
        CollectionVariant("bare pass of the lower half", "transformers", "none", half),
        CollectionVariant("collect the middle layer", ours, "4", collect([LAYERS // 2])),
        CollectionVariant("collect the last layer", ours, "8", collect([LAYERS])),
        CollectionVariant("collect all layers", ours, "0 to 8", collect(list(range(LAYERS + 1)))),
        CollectionVariant("setting up alone", ours, "none", set_up),
    ]


class _Done(BaseException):
    pass


@contextmanager
def pass_timed(model: Any) -> Iterator[list[float]]:
    """Collects the processor seconds of each forward pass, less those of the hooks that capture in it."""
    found: list[float] = []
    forward, keep = model.forward, BatchCapture._keep

    def timed_forward(*args: Any, **kwargs: Any) -> Any:
        start = time.thread_time()
        try:
            return forward(*args, **kwargs)
        finally:
            found.append(time.thread_time() - start)

    def timed_keep(self: Any, layer: int, stream: Any) -> None:
        start = time.thread_time()
        try:
            keep(self, layer, stream)
        finally:
            found.append(start - time.thread_time())

    model.forward, BatchCapture._keep = timed_forward, timed_keep  # type: ignore[method-assign]
    try:
        yield found
    finally:
        del model.forward
        BatchCapture._keep = keep  # type: ignore[method-assign]


def measure(
    variants: list[CollectionVariant], rounds: int, folder: Path
) -> dict[str, dict[str, list[float]]]:
    """Seconds of each variant and of the bare pass beside it, on both clocks, by round."""
    bare, others = variants[0], variants[1:]

    def take(variant: CollectionVariant) -> tuple[float, float, Any]:
        return _seconds(variant, folder)

    order = random.Random(0)
    names = ("wall", "bare wall", "processor", "bare processor", "of pass")
    found: dict[str, dict[str, list[float]]] = {each.name: {name: [] for name in names} for each in others}
    with torch.no_grad(), Progress(console=errors, transient=True) as progress:
        task = progress.add_task("speed", total=WARMUP + rounds)
        for turn in range(WARMUP + rounds):
            shuffled = order.sample(others, len(others))
            for variant, seconds, beside in beside_bare(shuffled, take, lambda: take(bare)):
                if turn >= WARMUP:
                    values = (seconds[0], beside[0], seconds[1], beside[1], seconds[2])
                    for name, value in zip(names, values, strict=True):
                        found[variant.name][name].append(value)
            progress.advance(task)
    return found


def _seconds(variant: CollectionVariant, folder: Path) -> tuple[float, float, Any]:
    """On the clock, of the processor, and what the variant gave."""
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        wall, processor = time.perf_counter(), time.process_time()
        given = variant.run(Path(empty))
        return time.perf_counter() - wall, time.process_time() - processor, given


def summary(variant: CollectionVariant, taken: dict[str, list[float]], tokens: int) -> dict[str, Any]:
    """Medians; a ratio is of speeds, so that 1 is as fast as the bare pass."""
    row: dict[str, Any] = {"name": variant.name, "library": variant.library, "layers": variant.layers}
    for clock in ("wall", "processor"):
        ratios = [bare / own for own, bare in zip(taken[clock], taken[f"bare {clock}"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        seconds = statistics.median(taken[clock])
        row[clock] = {
            "seconds": round(seconds, 4),
            "tokens_per_second": round(tokens / seconds),
            "ratio": round(middle, 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }
    if isinstance(taken["of pass"][0], float):
        row["of_pass"] = [round(value, 4) for value in statistics.quantiles(taken["of pass"], n=4)]
    return row


def speed(tokens: int, rounds: int) -> dict[str, Any]:
    model, data = build(), documents(tokens)
    batches = batches_of(job_of(model, data, [LAYERS]))
    run = sum(len(each) for each in data)
    before = load()
    with tempfile.TemporaryDirectory() as folder:
        variants = ordinary(model, data)
        others, left_out = collection_peers.variants(model, batches, LAYERS // 2)
        variants += [CollectionVariant(name, library, str(LAYERS // 2), run) for name, library, run in others]
        found = measure(variants, rounds, Path(folder))
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "hidden": HIDDEN,
        "layers": LAYERS,
        "parameters": sum(each.numel() for each in model.model.parameters()),
        "documents": len(data),
        "tokens": run,
        "batches": len(batches),
        "padded_tokens": sum(batch.ids.numel() for batch in batches),
        "rounds": rounds,
        "warmup": WARMUP,
        "load": [before, load()],
        "peers": {name: installed(name) for name in collection_peers.PACKAGES},
        "left_out": left_out,
        "variants": [summary(each, found[each.name], run) for each in variants[1:]],
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--tokens", type=int, default=1024, help="that are timed, about (default: 1024)")
    parser.add_argument(
        "--rounds", type=int, default=21, help="of the speed, after the warm-up (default: 21)"
    )
    parser.add_argument("--repeats", type=int, default=3, help="of each size of the memory (default: 3)")
    parser.add_argument("--only", choices=["speed", "memory"], help="the other part stays as --out has it")
    parser.add_argument("--out", type=Path, help="write the result to this JSON file")
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 2 or chosen.repeats < 1 or chosen.tokens < 1:
        parser.error("--rounds must be at least 2, --repeats and --tokens at least 1")
    torch.set_num_threads(1)
    result: dict[str, Any] = {}
    if chosen.only and chosen.out is not None and chosen.out.exists():
        result = json.loads(chosen.out.read_text(encoding="utf-8"))
    result |= {
        "versions": {**versions(), "safetensors": installed("safetensors")},
        "machine": machine("cpu"),
    }
    if chosen.only != "memory":
        result["speed"] = speed(chosen.tokens, chosen.rounds)
        for row in result["speed"]["variants"]:
            wall, processor = row["wall"], row["processor"]
            print(
                f"{row['name']:<30} {wall['tokens_per_second']:>7} tokens/s  wall {wall['ratio']:.3f} "
                f"({wall['low']:.3f} to {wall['high']:.3f})  processor {processor['ratio']:.3f}"
            )
    if chosen.only != "speed":
        with Progress(console=errors, transient=True) as progress:
            task = progress.add_task("memory", total=chosen.repeats * sum(collection_memory.SIZES))
            sizes = collection_memory.memory(chosen.repeats, lambda times: progress.advance(task, times))
        result["memory"] = {
            "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
            "shard_rows": collection_memory.SHARD_ROWS,
            "sizes": sizes,
        }
        for row in result["memory"]["sizes"]:
            print(
                f"{row['times']:>3} x {row['tokens']:>8,} tokens {row['bytes'] / 2**20:7.0f} MiB on disk: "
                f"{row['before'] / 2**20:.0f} MiB before, peak {row['peak'] / 2**20:.0f} MiB"
            )
    if chosen.out is not None:
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        chosen.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8", newline="\n")
        errors.print(f"wrote {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
