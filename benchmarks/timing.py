"""Times of variants that take turns, so that a busy machine slows all alike.

Each run of a variant stands directly before or after a bare run and is divided by that one; what is reported
is the median of these ratios. A machine that is slow for a while slows both of a pair, and one pair that was
disturbed does not move a median.

One thread on a CPU is timed by the processor time that the process took: the time in which another process
had the core is nobody's cost. With several threads or a GPU it is the time on the clock.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from benchmarks.variant import Variant

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True)
class Timing:
    """What the rounds of one variant gave, in milliseconds a call and as ratios to the bare run beside it.

    Attributes:
        ms: median time of a call.
        ratio: median of the ratios; `low` and `high` are their quartiles.
        added_ms: median of the differences.
        fastest: the fastest call as a ratio to the fastest bare call, a second estimate.
    """

    ms: float
    ratio: float
    low: float
    high: float
    added_ms: float
    fastest: float


def beside_bare(
    variants: Sequence[V], run: Callable[[V], T], run_bare: Callable[[], T]
) -> Iterator[tuple[V, T, T]]:
    """Runs variants in their order, a bare run between each two of them.

    Yields:
        Each variant with what its run gave, and what the bare run beside it gave.
    """
    for before, after in zip(variants[::2], [*variants[1::2], None], strict=False):
        first = run(before)
        beside = run_bare()
        yield before, first, beside
        if after is not None:
            yield after, run(after), beside


def measure(
    bare: Variant,
    variants: Sequence[Variant],
    *,
    rounds: int,
    warmup: int,
    calls: int,
    turns: int,
    seed: int,
    device: str,
    clock: Callable[[], float],
    done: Callable[[], None] = lambda: None,
) -> dict[str, Timing]:
    """Times each variant in every round, in an order that is shuffled anew for each.

    Args:
        bare: what the variants are divided by.
        calls: how many calls make one measurement.
        turns: how many measurements of each variant make one round.
        clock: gives seconds, see `clock_for`.
        done: called after each round, those that warm up included.
    """

    def take(variant: Variant) -> float:
        return _seconds(variant, calls, device, clock)

    order = random.Random(seed)
    pairs: dict[str, list[tuple[float, float]]] = {variant.name: [] for variant in variants}
    with torch.no_grad(), _no_collector():
        for turn in range(warmup + rounds):
            shuffled = [each for _ in range(turns) for each in order.sample(list(variants), len(variants))]
            for variant, seconds, beside in beside_bare(shuffled, take, lambda: take(bare)):
                if turn >= warmup:
                    pairs[variant.name].append((seconds, beside))
            done()
    return {name: summary(taken) for name, taken in pairs.items()}


def summary(pairs: Sequence[tuple[float, float]]) -> Timing:
    """Of (variant, bare) seconds a call."""
    ratios = [variant / bare for variant, bare in pairs]
    low, _, high = statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else 3 * ratios
    return Timing(
        ms=statistics.median(variant for variant, _ in pairs) * 1e3,
        ratio=statistics.median(ratios),
        low=low,
        high=high,
        added_ms=statistics.median(variant - bare for variant, bare in pairs) * 1e3,
        fastest=min(variant for variant, _ in pairs) / min(bare for _, bare in pairs),
    )


def clock_for(device: str, threads: int) -> tuple[str, Callable[[], float]]:
    """What is measured, in words, and the function that gives it in seconds."""
    if device == "cpu" and threads == 1:
        return "processor time", time.process_time
    return "wall clock", time.perf_counter


def _seconds(variant: Variant, calls: int, device: str, clock: Callable[[], float]) -> float:
    gc.collect()
    run = variant.run
    _wait(device)
    start = clock()
    for _ in range(calls):
        run()
    _wait(device)
    return (clock() - start) / calls


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


class _no_collector:  # noqa: N801
    """No garbage collection falls into a measurement; before each one it runs, over what is new alone."""

    def __enter__(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()

    def __exit__(self, *error: object) -> None:
        gc.enable()
        gc.unfreeze()
