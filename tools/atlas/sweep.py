"""Do something with many model types, each in a process of its own with a limit on its time and memory.

A model that hangs, crashes or eats the memory then costs one row and not the sweep.

On Linux and macOS, processes are forked from one clean process that has imported torch and transformers and
has no threads. Windows cannot fork: there each process imports them anew, which is slow. The memory limit is
that of `resource.setrlimit(RLIMIT_AS)`: Linux keeps it, macOS accepts and ignores it, Windows has none.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal, TypeAlias

if sys.platform != "win32":
    import resource

Work: TypeAlias = Callable[[str], dict[str, Any]]
Outcome: TypeAlias = Literal["done", "error", "memory", "time", "died"]

PRELOAD = "tools.atlas.worker"
GIBIBYTE = 2**30


@dataclass(frozen=True)
class SweepLimits:
    """What one type may use.

    Attributes:
        seconds: on the clock, from the start of its process.
        memory: in GiB, on top of what torch and transformers have mapped when it starts.
    """

    seconds: float = 180.0
    memory: float = 4.0


@dataclass(frozen=True)
class SweepResult:
    """How the work on one type ended.

    Attributes:
        model_type: the type.
        outcome: "done", or what went wrong: an "error" was raised, the "memory" or the "time" was over, the
            process "died".
        value: what the work returned, None unless it is done.
        detail: what went wrong, in words; empty when it is done.
        seconds: how long it took.
    """

    model_type: str
    outcome: Outcome
    value: dict[str, Any] | None
    detail: str
    seconds: float


@dataclass
class _Running:
    model_type: str
    process: Any
    answer: Connection
    started: float


def sweep(
    types: Iterable[str],
    work: Work,
    *,
    jobs: int = 2,
    limits: SweepLimits = SweepLimits(),
    preload: str = PRELOAD,
) -> Iterator[SweepResult]:
    """Runs `work(model_type)` for each type and gives the results in the order in which they are ready.

    Args:
        types: model types.
        work: a function that can be imported by its name; what it returns must be picklable.
        jobs: how many processes run at the same time.
        limits: of each process.
        preload: the module that is imported before processes are forked.

    Raises:
        ValueError: fewer than one job.
    """
    if jobs < 1:
        raise ValueError(f"jobs must be 1 or more, got {jobs}")
    context = _context(preload)
    waiting = list(types)[::-1]
    running: list[_Running] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(context, waiting.pop(), work, limits))
            first_deadline = min(each.started for each in running) + limits.seconds
            wait([each.answer for each in running], timeout=max(0.0, first_deadline - time.monotonic()))
            for each in list(running):
                result = _result(each, limits)
                if result is not None:
                    running.remove(each)
                    yield result
    finally:  # Ctrl-C, or the caller wants no more
        for each in running:
            _stop(each)


def _context(preload: str) -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


def _start(context: Any, model_type: str, work: Work, limits: SweepLimits) -> _Running:
    answer, sender = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(work, model_type, limits.memory, sender), daemon=True)
    process.start()
    sender.close()  # so that the death of the process closes the pipe
    return _Running(model_type, process, answer, time.monotonic())


def _child(work: Work, model_type: str, memory: float, sender: Connection) -> None:
    """The process of one type. What models print and warn about is not for the one who runs the sweep."""
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    _limit_memory(memory)
    try:
        message: tuple[Outcome, dict[str, Any] | None, str] = ("done", work(model_type), "")
    except Exception as error:  # of any class: this is where a model may fail
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        # torch has no class for it: "DefaultCPUAllocator: can't allocate memory: you tried to allocate ..."
        over = isinstance(error, MemoryError) or "allocate memory" in str(error)
        message = ("memory", None, f"more than {memory:g} GiB") if over else ("error", None, said)
    sender.send(message)


def _limit_memory(gib: float) -> None:
    if sys.platform == "win32":
        return
    mapped = 0  # torch alone maps several GiB that it never touches
    statm = Path("/proc/self/statm")
    if statm.exists():
        mapped = int(statm.read_text().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped + int(gib * GIBIBYTE)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _result(each: _Running, limits: SweepLimits) -> SweepResult | None:
    """The result of a process that has one, None while it works."""
    seconds = time.monotonic() - each.started
    if each.answer.poll():
        try:
            outcome, value, detail = each.answer.recv()
        except EOFError:
            each.process.join()
            outcome, value, detail = "died", None, _cause_of_death(each.process.exitcode)
    elif seconds >= limits.seconds:
        outcome, value, detail = "time", None, f"more than {limits.seconds:g} s"
    else:
        return None
    _stop(each)
    return SweepResult(each.model_type, outcome, value, detail, seconds)


def _stop(each: _Running) -> None:
    each.process.kill()
    each.process.join()
    each.answer.close()


def _cause_of_death(exit_code: int) -> str:
    if exit_code < 0:
        return f"the process was ended by {signal.Signals(-exit_code).name}"
    return f"the process ended with exit code {exit_code}"
