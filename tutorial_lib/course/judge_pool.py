"""Judges at work side by side. One that dies or hangs costs one answer its grade, and nothing else."""

import contextlib
import json
import os
import queue
import threading
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tutorial_lib
from tutorial_lib.checker.json_process import JsonProcess, Message
from tutorial_lib.course import CourseError
from tutorial_lib.exercises.catalog import Exercise

SECONDS = 60.0  # as the grader's own limit, for one exercise
PATIENCE, START = 3, 180.0  # a judge that takes so many times longer than its grader may, or to start, hangs

# The current folder may be full of hostile names, such as torch.py: it must not be searched for modules.
_RUN = "import sys; sys.path = [*filter(None, sys.path), {root!r}]; from {module} import main; main()"


@dataclass(frozen=True)
class Task:
    """An answer to grade.

    Attributes:
        key: the same for the same answer, student, checks and versions.
        student: id.
        exercise: what it answers.
        source: text of the file.
        sha256: of the file's bytes.
        seed, variant: of the inputs, and of the student's layer, positions and direction.
        hidden: folder of hidden checks, or None.
    """

    key: str
    student: str
    exercise: Exercise
    source: str
    sha256: str
    seed: int
    variant: int
    hidden: Path | None

    def request(self) -> dict[str, Any]:
        """What a judge is told."""
        return {
            "exercise": str(self.exercise.folder.resolve()),
            "source": self.source,
            "seed": self.seed,
            "variant": self.variant,
            "hidden": str(self.hidden.resolve()) if self.hidden else None,
        }


@dataclass(frozen=True)
class Verdict:
    """What came of a task.

    Attributes:
        task: of which.
        report: as plain values; None where the judge came to none.
        error: why it did not.
        protections: what kept the answer away from the judge.
        seconds: how long it took.
    """

    task: Task
    report: dict[str, Any] | None
    error: str
    protections: Any
    seconds: float


def run_judges(
    tasks: Sequence[Task], *, jobs: int, limits: Mapping[str, Any], device: str = "cpu"
) -> Generator[Verdict, None, None]:
    """Grade tasks in several processes; verdicts come in the order in which they are reached.

    Closing the iterator ends the judges.

    Args:
        tasks: to grade.
        jobs: how many judges.
        limits: other than the defaults, as names and values of `isolation.Limits`.
        device: of the models.
    """
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in tasks:
        waiting.put(task)
    reached: queue.SimpleQueue[Verdict | BaseException] = queue.SimpleQueue()
    judges = [_Judge(limits, device) for _ in range(max(1, min(jobs, len(tasks))))]
    threads = [
        threading.Thread(target=_work, args=(judge, waiting, reached), daemon=True) for judge in judges
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in tasks:
            verdict = reached.get()
            if isinstance(verdict, BaseException):
                raise verdict
            yield verdict
    finally:
        with contextlib.suppress(queue.Empty):
            while True:
                waiting.get_nowait()
        for judge in judges:
            judge.end()


def _work(judge: "_Judge", waiting: "queue.SimpleQueue[Task]", reached: "queue.SimpleQueue[Any]") -> None:
    while True:
        try:
            task = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            reached.put(judge.grade(task))
        except BaseException as error:  # of any class: the reader of the verdicts waits for one a task
            reached.put(error)


class _Judge:
    """A process that judges, started when it is needed and again after it has died."""

    def __init__(self, limits: Mapping[str, Any], device: str) -> None:
        self.settings = {"limits": dict(limits), "device": device}
        self.patience = PATIENCE * float(limits.get("seconds", SECONDS)) + START
        self.process: JsonProcess | None = None
        self.protections: Any = None
        self.ended = False

    def grade(self, task: Task) -> Verdict:
        began = time.monotonic()
        reply = self._ask(task.request())
        error = reply.get("error", "")
        if not reply:
            code = self._stop()
            error = f"the judge ended without a verdict (exit code {code}); run `hooking grade` again"
        return Verdict(task, reply.get("report"), error, self.protections, round(time.monotonic() - began, 3))

    def end(self) -> None:
        self.ended = True
        self._stop()

    def _ask(self, request: Message) -> Message:
        """The reply; an empty one if the judge died, babbled, or was ended since it took too long."""
        hangs = threading.Timer(self.patience, self._kill)
        hangs.start()
        try:
            process = self.process or self._start()
            process.send(request)
            reply = process.wait() or {}
        except OSError:  # a pipe that broke
            return {}
        finally:
            hangs.cancel()
        return reply if reply.keys() & {"report", "error"} else {}

    def _start(self) -> JsonProcess:
        if self.ended:
            raise OSError("no more judges")
        root = str(Path(tutorial_lib.__file__).parent.parent)
        code = _RUN.format(root=root, module="tutorial_lib.course.judge_process")
        # One thread each, and one order of sets: the same sums and messages whatever the number of judges.
        env = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        env["PYTHONPATH"] = os.pathsep.join(
            os.path.abspath(part) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part
        )
        # What it starts should not look among the submissions either.
        process = JsonProcess("-c", code, json.dumps(self.settings), env=env, cwd=os.path.abspath(os.sep))
        self.process = process
        first = process.wait()
        if first is None and not self.ended:
            last = process.errors().strip().splitlines()[-1:]
            raise CourseError(f"no judge can be started: {last[0] if last else 'it says nothing'}")
        self.protections = (first or {}).get("protections")
        return process

    def _kill(self) -> None:
        if self.process is not None:
            self.process.kill()

    def _stop(self) -> int | None:
        process, self.process = self.process, None
        return None if process is None else process.stop()
