"""The side of the answer: take a job, run the answer on its cases, send what was seen.

Nothing here can be trusted once the answer's code has run: it is in the same process. What it sends is read
as the word of the answer itself.
"""

import json
import os
import random
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch

from tutorial_lib.checker import report
from tutorial_lib.checker.answer_file import Crash
from tutorial_lib.checker.case import CaseSpec
from tutorial_lib.checker.observing import GOES_ON, Observation, observe_source
from tutorial_lib.sandbox.wire import encode


def make_job(observe: str, source: str, starter: str, answer: str, specs: list[CaseSpec]) -> bytes:
    """A job as bytes; called by the judge.

    Args:
        observe: text of the exercise's `observe.py`.
        source: text of the answer's file.
        starter: what the student began with.
        answer: the name that the file must define.
        specs: cases to run it on.
    """
    values = {
        "observe": observe,
        "source": source,
        "starter": starter,
        "answer": answer,
        "specs": [spec.to_dict() for spec in specs],
    }
    return json.dumps(values).encode()


def run_job(job: bytes, send: Callable[[bytes], None]) -> None:
    """Run a job and send a frame for each case, up to the first one that makes the others needless.

    Args:
        job: as `make_job` made it.
        send: takes the bytes of a frame.
    """
    me = os.getpid()
    values = json.loads(job)
    specs = [CaseSpec(**spec) for spec in values["specs"]]
    torch.set_num_threads(1)
    _seed(specs[0].seed)
    observe = _observe_of(values["observe"])
    for spec in specs:
        try:
            seen = observe_source(observe, values["source"], values["starter"], values["answer"], spec)
            frame = encode(seen)
        except BaseException as error:  # KeyboardInterrupt, raised by the answer; or it broke what runs it
            seen = Observation(report.CRASHED, crash=Crash(type(error).__name__, str(error)[:2_000]))
            frame = encode(seen)
        if os.getpid() != me:
            os._exit(0)  # the answer forked, and this is not the process that was asked
        send(frame)
        if seen.kind not in GOES_ON:
            return


def send_all(fd: int) -> Callable[[bytes], None]:
    """A function that writes all bytes to a file descriptor."""

    def send(data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]

    return send


def read_all(fd: int) -> bytes:
    """All bytes of a file, from its start."""
    os.lseek(fd, 0, os.SEEK_SET)
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _seed(seed: int) -> None:
    """For an answer that draws numbers: the same ones each time it is graded."""
    torch.manual_seed(seed)
    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(seed % (1 << 32))


def _observe_of(source: str) -> Callable[..., Any]:
    module = ModuleType("observe")
    module.__file__ = "observe.py"
    exec(compile(source, "observe.py", "exec"), module.__dict__)
    observe: Callable[..., Any] = module.observe
    return observe
