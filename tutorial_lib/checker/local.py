"""Check a student's answers on their own machine, in a process that can be stopped. Loads no torch itself.

The machine is the student's and so is the code: this keeps a loop without end or a crash from taking the
command with it, and no more. For answers that may wish one ill there is `sandbox`.
"""

import re
import secrets
import signal
import sys
from types import TracebackType
from typing import Any

from tutorial_lib.checker import report
from tutorial_lib.checker.answer_file import AnswerProblem, compile_answer, in_words
from tutorial_lib.checker.local_process import Ended, LocalError, LocalProcess, Waiting
from tutorial_lib.checker.report import Report
from tutorial_lib.exercises.catalog import Exercise

SECONDS = 20.0
MEMORY_MB = 2048
# macOS has fork too, but its system libraries may crash in the copy of a process that has used them.
METHOD = "fork" if sys.platform == "linux" else "spawn"


class LocalRunner:
    """Checks answers, one after the other. A context manager, since it keeps a process ready.

    Args:
        seconds: that one check may take, on all models of the exercise.
        memory_mb: that an answer may use, where the system can hold it to that: on Linux.
        spare: whether further checks will come, for which to have a process ready.
        method: `"fork"`: one process loads PyTorch and copies itself for each answer. `"spawn"`: a new
            process for each answer, started while the student works on the next one. None: what the system
            allows.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        memory_mb: int = MEMORY_MB,
        spare: bool = False,
        method: str | None = None,
    ) -> None:
        if seconds <= 0:
            raise ValueError(f"seconds = {seconds} must be more than 0")
        self.seconds, self.memory_mb, self.spare, self.method = seconds, memory_mb, spare, method or METHOD
        self._process: LocalProcess | None = None

    def __enter__(self) -> "LocalRunner":
        if self.spare:
            self.warm_up()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def warm_up(self) -> None:
        """Start a process, if none is there, and do not wait for it."""
        if self._process is None:
            self._process = LocalProcess(self.method)

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.stop()

    def check(
        self,
        exercise: Exercise,
        source: str,
        *,
        seed: int | None = None,
        variant: int | None = None,
        filename: str = "answer.py",
        waiting: Waiting = lambda seconds, doing: None,
    ) -> Report:
        """Check the text of an answer's file.

        Args:
            exercise: to check.
            source: the text.
            seed: of the inputs. None: a fresh one.
            variant: see `CaseSpec`.
            filename: for tracebacks.
            waiting: is called several times a second with the seconds so far and what is being done.

        Raises:
            LocalError: the process does not work, or the exercise itself is broken.
        """
        seed = secrets.randbelow(10**6) if seed is None else seed
        try:
            compile_answer(source, exercise.starter, filename)
        except AnswerProblem as problem:
            message = in_words(problem.kind, exercise.answer, problem.crash, exercise=exercise.name)
            return Report(exercise.name, problem.kind, message, seed=seed)
        ended = self._run(
            {
                "folder": str(exercise.folder),
                "source": source,
                "filename": filename,
                "seed": seed,
                "variant": variant,
                "seconds": self.seconds,
                "memory_mb": self.memory_mb,
            },
            waiting,
        )
        if ended.report is not None:
            return Report.from_dict(ended.report)
        if ended.error is not None:
            raise LocalError(f"exercise {exercise.name!r} cannot be checked: {ended.error}")
        outcome, message = self._why(ended, filename, source)
        see = exercise.chapter if outcome == report.CRASHED else None
        return Report(exercise.name, outcome, message, seed=seed, see=see)

    def _run(self, request: dict[str, Any], waiting: Waiting) -> Ended:
        if self._process is not None and not self._process.alive:
            self.close()
        self.warm_up()
        process = self._process
        assert process is not None
        try:
            process.wait_until_ready(waiting)
            ended = process.check(request, waiting)
        except BaseException:  # of any class: also when the student presses Ctrl-C
            self.close()
            raise
        if self.method == "spawn":
            self.close()
            if self.spare:
                self.warm_up()
        return ended

    def _why(self, ended: Ended, filename: str, source: str) -> tuple[str, str]:
        """Outcome and message for an answer that ended its process."""
        line = _last_line(ended.stderr, filename, source)
        if ended.stopped or (ended.seconds >= self.seconds and "Timeout (" in ended.stderr):
            at = f" It was at {line}." if line else ""
            took = f"Your code did not come to an end within {self.seconds:g} seconds"
            return report.TIMED_OUT, f"{took}: is there a loop without end?{at}"
        if ended.code == -9:
            why = "most likely because it used more memory than there is"
            return report.OUT_OF_MEMORY, f"The system ended your code, {why}."
        if ended.code < 0 or ended.code >= 0xC0000000:
            at = f", at {line}" if line else ""
            name = _signal_name(ended.code)
            return report.CRASHED, f"Your code crashed the Python interpreter itself ({name}){at}."
        return (
            report.EXITED,
            f"Your code ended the process with exit code {ended.code} instead of returning.",
        )


def _last_line(stderr: str, filename: str, source: str) -> str:
    """The line of the answer that ran last; `faulthandler` writes the innermost call first."""
    found = re.search(rf'File "{re.escape(filename)}", line (\d+)', stderr)
    if not found:
        return ""
    number, lines = int(found[1]), source.splitlines()
    code = lines[number - 1].strip() if 0 < number <= len(lines) else ""
    return f"line {number}" + (f", `{code}`" if code else "")


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name
    except ValueError:
        return hex(code)
