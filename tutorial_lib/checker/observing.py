"""Run an answer on a case and note what is to be seen of it. Nothing is judged here.

This is the part that may run in a process of its own, beside an answer that wishes it ill: what it gives back
is plain data about the answer, never a verdict.
"""

import contextlib
import io
import linecache
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import CodeType, ModuleType
from typing import Any

import torch

from tutorial_lib.checker import report
from tutorial_lib.checker.answer_file import AnswerProblem, Crash, compile_answer
from tutorial_lib.checker.case import Case, CaseSpec
from tutorial_lib.exercises.seen import plain

PRINTED = 10_000  # characters that are kept of what an answer prints
SEEN = "seen"
GOES_ON = (SEEN, report.CRASHED)  # a crash on one model may be none on another; the rest is the same on all


@dataclass(frozen=True)
class Observation:
    """What was seen of an answer on one case.

    Attributes:
        kind: `SEEN`, or the outcome that the answer ended in, such as "syntax error".
        seen: what the exercise's `observe` gave, as plain values.
        crash: for "crashed", "exited" and "syntax error".
        printed: by the answer.
    """

    kind: str
    seen: Any = None
    crash: Crash | None = None
    printed: str = ""


def load_answer(source: str, starter: str, name: str, filename: str = "answer.py") -> Any:
    """What a student's file defines under a name.

    Args:
        source: the text of the file.
        starter: what the student began with.
        name: to look for.
        filename: for tracebacks.

    Raises:
        AnswerProblem: it is empty, still the starter, no Python, ends in an exception or lacks the name.
    """
    code = compile_answer(source, starter, filename)
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    module = ModuleType("answer")
    module.__file__ = filename
    _guarded(lambda: exec(code, module.__dict__), filename)
    if not hasattr(module, name):
        raise AnswerProblem(report.MISSING)
    return getattr(module, name)


def observe_source(
    observe: Callable[..., Any],
    source: str,
    starter: str,
    name: str,
    spec: CaseSpec,
    filename: str = "answer.py",
) -> Observation:
    """Load an answer and look at it on one case.

    Args:
        observe: of the exercise: takes the answer and the case, gives a dict of what is to be seen.
        source, starter, name, filename: as for `load_answer`.
        spec: of the case.
    """
    with _captured() as printed:
        try:
            answer = load_answer(source, starter, name, filename)
        except AnswerProblem as problem:
            return Observation(problem.kind, crash=problem.crash, printed=printed.text())
        return _observe(observe, answer, spec, filename, printed)


def observe_object(observe: Callable[..., Any], answer: Any, spec: CaseSpec) -> Observation:
    """Look at an answer that is there already, as in a notebook."""
    code = getattr(answer, "__code__", None)
    filename = code.co_filename if isinstance(code, CodeType) else ""
    with _captured() as printed:
        return _observe(observe, answer, spec, filename, printed)


def _observe(
    observe: Callable[..., Any], answer: Any, spec: CaseSpec, filename: str, printed: "_Printed"
) -> Observation:
    case = Case(spec)
    try:
        seen = _guarded(lambda: plain(observe(answer, case)), filename)
    except AnswerProblem as problem:
        return Observation(problem.kind, crash=problem.crash, printed=printed.text())
    return Observation(SEEN, seen=seen, printed=printed.text())


def _guarded(run: Callable[[], Any], filename: str) -> Any:
    """Run something of the answer's, and make what it ends in a problem with a name."""
    try:
        return run()
    except KeyboardInterrupt:
        raise
    except SystemExit as error:
        raise AnswerProblem(report.EXITED, _crash(error, filename)) from error
    except NotImplementedError as error:
        crash = _crash(error, filename)
        frames = traceback.extract_tb(error.__traceback__)
        mine = bool(frames) and frames[-1].filename == filename
        raise AnswerProblem(report.NOT_ATTEMPTED if mine else report.CRASHED, crash) from error
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise AnswerProblem(report.OUT_OF_MEMORY, _crash(error, filename)) from error
    except BaseException as error:  # of any class: it is the answer's own doing
        kind = report.OUT_OF_MEMORY if _is_out_of_memory(error) else report.CRASHED
        raise AnswerProblem(kind, _crash(error, filename)) from error


def _is_out_of_memory(error: BaseException) -> bool:
    """Whether PyTorch could not have the memory for a tensor; it has a class for that on CUDA only."""
    try:
        return isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    except Exception:  # of any class: the exception may be the student's
        return False


def _crash(error: BaseException, filename: str) -> Crash:
    frames = traceback.extract_tb(error.__traceback__)
    mine = [frame for frame in frames if frame.filename == filename]
    line, code = (mine[-1].lineno or 0, mine[-1].line or "") if mine else (0, "")
    try:
        message = str(error)
    except Exception:  # of any class: the exception may be the student's
        message = "(its message cannot be read)"
    text = "".join(traceback.format_list(frames[-8:]))
    return Crash(type(error).__name__, message[:2_000], line, code, text[:4_000])


class _Printed(io.StringIO):
    """Keeps the beginning of what is printed and forgets the rest."""

    def write(self, text: str) -> int:
        room = PRINTED - self.tell()
        if room > 0:
            super().write(text[:room])
        return len(text)

    def text(self) -> str:
        return self.getvalue()


@contextlib.contextmanager
def _captured() -> Any:
    printed = _Printed()
    with contextlib.redirect_stdout(printed):
        yield printed
