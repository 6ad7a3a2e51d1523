"""The judge's side of grading."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from tutorial_lib.exercises import report
from tutorial_lib.exercises.case import CaseSpec
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.exercises.engine import case_specs
from tutorial_lib.exercises.judging import judge, load_observe
from tutorial_lib.exercises.observing import SEEN, Observation, observe_source
from tutorial_lib.exercises.report import Report


@dataclass(frozen=True)
class Limits:
    """What an answer may use.

    Attributes:
        seconds: of wall clock, for all cases of an exercise.
        memory_mb: of address space beyond what the process has when it starts.
        processes: that it may have at once, threads included.
        disk_mb: largest file, and all of its folder.
        output_mb: of what it may send to the judge.
        network: whether it may open connections.
    """

    seconds: float = 60.0
    memory_mb: int = 2048
    processes: int = 32
    disk_mb: int = 64
    output_mb: int = 64
    network: bool = False


class Grader:
    """Grades answers, one after the other. A context manager, since it keeps a process ready."""

    def __init__(self, limits: Limits | None = None, *, device: str = "cpu") -> None:
        self.limits, self.device = limits or Limits(), device

    def __enter__(self) -> "Grader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

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
        """
        specs = case_specs(exercise, seed=seed, variant=variant, models=models, device=self.device)
        public = judge(exercise, self._observe(exercise, exercise.folder, source, specs))
        if hidden is None or not public.passed:
            return public
        own = hidden if (hidden / "observe.py").is_file() else exercise.folder
        more = judge(exercise, self._observe(exercise, own, source, specs), folder=hidden, hidden=True)
        if more.outcome == report.NO_CHECKS:
            return more
        return replace(more, results=public.results + more.results)

    def _observe(
        self, exercise: Exercise, folder: Path, source: str, specs: list[CaseSpec]
    ) -> list[tuple[CaseSpec, Observation]]:
        observe = load_observe(folder)
        observed: list[tuple[CaseSpec, Observation]] = []
        for spec in specs:
            seen = observe_source(observe, source, exercise.starter, exercise.answer, spec)
            observed.append((spec, seen))
            if seen.kind not in (SEEN, report.CRASHED):
                break
        return observed
