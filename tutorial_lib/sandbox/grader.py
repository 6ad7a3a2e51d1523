"""The judge's side of grading. Nothing of an answer runs here; what comes of it is read as plain values."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import torch

from tutorial_lib.checker import report
from tutorial_lib.checker.case import CaseSpec
from tutorial_lib.checker.in_process import case_specs
from tutorial_lib.checker.judging import judge, load_observe, observed_by
from tutorial_lib.checker.observing import GOES_ON, SEEN, Observation
from tutorial_lib.checker.report import Report, model_name
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.sandbox import supervise
from tutorial_lib.sandbox.answer_process import make_job
from tutorial_lib.sandbox.limits import Limits, Protection
from tutorial_lib.sandbox.runner import Ending, Runner, Zygote
from tutorial_lib.sandbox.spawned import Spawner
from tutorial_lib.sandbox.wire import decode

Observed = list[tuple[CaseSpec, Observation]]


class Grader:
    """Grades answers, one after the other. A context manager, since it keeps a process ready.

    Args:
        limits: what an answer may use. None: `Limits()`.
        device: where the models are, such as `"cpu"` or `"cuda"`.
    """

    def __init__(self, limits: Limits | None = None, *, device: str = "cpu") -> None:
        self.limits, self.device = limits or Limits(), device
        kind: type[Runner] = Zygote if sys.platform == "linux" else Spawner
        self._runner = kind(self.limits, device)

    def __enter__(self) -> "Grader":
        self._runner.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.close()

    @property
    def protections(self) -> tuple[Protection, ...]:
        """The layers that are in force for answers graded here, and why others are not."""
        return self._runner.protections

    def grade(
        self,
        exercise: Exercise,
        source: str,
        *,
        seed: int,
        variant: int | None = None,
        hidden: Path | None = None,
        models: tuple[str, ...] | None = None,
    ) -> Report:
        """The report on an answer, the hidden checks' results in it.

        Args:
            exercise: to check.
            source: text of the answer's file.
            seed: of the inputs.
            variant: of layer, positions and direction.
            hidden: a folder with a `checks.py` of the instructor's and, if it looks at other things, an
                `observe.py`.
            models: others than the exercise's.

        Raises:
            ExerciseError: the exercise is not whole.
            IsolationError: no process could be started. Nothing that an answer does raises.
        """
        specs = case_specs(exercise, seed=seed, variant=variant, models=models, device=self.device)
        with _one_thread():
            observed, message = self._observe(exercise, exercise.folder, source, specs)
            public = _judged(exercise, observed, message)
            if hidden is None or not public.passed:
                return public
            if (own := observed_by(exercise, hidden)) != exercise.folder:
                observed, message = self._observe(exercise, own, source, specs)
            more = _judged(exercise, observed, message, hidden)
        if more.outcome == report.NO_CHECKS:
            return more
        return replace(more, results=public.results + more.results)

    def _observe(
        self, exercise: Exercise, folder: Path, source: str, specs: list[CaseSpec]
    ) -> tuple[Observed, str | None]:
        """What was seen of an answer, and what the student reads of how its process ended, if not well."""
        load_observe(folder)  # a fault of the exercise's is none of the answer's
        text = (folder / "observe.py").read_text(encoding="utf-8")
        job = make_job(text, source, exercise.starter, exercise.answer, specs)
        ending = self._runner.run(job, self.limits, tuple(spec.model for spec in specs))
        seen, fault = decode(ending.data, len(specs))
        complete = len(seen) == len(specs) or bool(seen and seen[-1].kind not in GOES_ON)
        verdict = _verdict(ending, fault, complete, self.limits)
        if verdict is None:
            return list(zip(specs, seen, strict=False)), None
        kind, message = verdict
        kept = seen[: len(specs) - 1] if not complete else seen[:-1]
        at = specs[len(kept)]
        last = Observation(kind, printed=next((one.printed for one in seen if one.printed), ""))
        return [*zip(specs, kept, strict=False), (at, last)], f"{message} ({model_name(at.model)})."


def _judged(
    exercise: Exercise, observed: Observed, message: str | None, hidden: Path | None = None
) -> Report:
    found = judge(exercise, observed, folder=hidden, hidden=hidden is not None)
    last = observed[-1][1]
    ours = found.first is None and found.outcome == last.kind
    if message is None or not ours or any(seen.kind != SEEN for _, seen in observed[:-1]):
        return found
    return replace(found, message=message)


def _verdict(ending: Ending, fault: str | None, complete: bool, limits: Limits) -> tuple[str, str] | None:
    """The outcome of a process that did not end well, and a sentence without its full stop; None: it did."""
    beyond = {
        supervise.TIME: (
            report.TIMED_OUT,
            f"Your code did not come to an end in {limits.seconds:g} seconds: is there a loop without end?",
        ),
        supervise.MEMORY: (report.OUT_OF_MEMORY, f"Your code used more than {limits.memory_mb} MB of memory"),
        supervise.DISK: (report.CRASHED, f"Your code wrote more than {limits.disk_mb} MB to disk"),
        supervise.PROCESSES: (
            report.CRASHED,
            f"Your code started more than {limits.processes} processes or threads",
        ),
        "output": (report.CRASHED, f"What your code gave back is larger than {limits.output_mb} MB"),
        supervise.STOPPED: (report.EXITED, "The process of your code came to an end that it should not"),
    }
    if ending.reason is not None:
        return beyond[ending.reason]
    status = ending.status or 0
    if status & 0x7F:
        return _killed(status & 0x7F)
    if fault is not None:
        return report.CRASHED, f"What came back from the process of your code cannot be read: {fault}"
    if ending.left:
        return report.CRASHED, "Your code left a process running"
    if status or not complete:
        return (
            report.EXITED,
            f"Your code ended the process (code {status >> 8}) before the checks were through",
        )
    return None


def _killed(number: int) -> tuple[str, str]:
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = f"signal {number}"
    if name == "SIGXCPU":
        return (
            report.TIMED_OUT,
            "Your code used more processor time than it may: is there a loop without end?",
        )
    return report.CRASHED, f"Your code brought the whole Python process down ({name})"


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch with one thread, as in the answer's process: sums in another order differ in the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
