"""The other end of `local_worker.py`: start it, talk to it, stop it. Loads no torch."""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tutorial_lib.checker.json_process import JsonProcess

Waiting = Callable[[float, str], None]
GRACE = 5.0  # seconds that a worker may be late with ending itself
STARTS_IN = 300.0  # seconds after which a process that has not loaded PyTorch is given up
_PROGRAM = """\
import json, sys
sys.path[:] = json.loads(sys.argv[2])
from tutorial_lib.checker.local_worker import main
main(sys.argv[1])
"""


class LocalError(RuntimeError):
    """The process that answers are checked in does not work: no fault of the answer."""


@dataclass
class Ended:
    """What came of one answer.

    Attributes:
        report: as plain values, unless the process ended before there was one.
        error: why there is none, where it is a fault of the exercise.
        code: exit code of the process, negative for a signal.
        seconds: it took so long.
        stopped: whether it had to be stopped from here.
        stderr: what it wrote to standard error.
    """

    report: dict[str, Any] | None = None
    error: str | None = None
    code: int = 0
    seconds: float = 0.0
    stopped: bool = False
    stderr: str = ""


class LocalProcess(JsonProcess):
    """A process of `local_worker.py`.

    Args:
        method: `"fork"`: for many answers. `"spawn"`: for one.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self._ready = False
        self._number = 0
        # With -I, nothing from the folder it is started in: a student's `json.py` may lie there.
        path = json.dumps([folder for folder in sys.path if folder])
        env = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
        super().__init__("-I", "-c", _PROGRAM, method, path, env=env)

    def wait_until_ready(self, waiting: Waiting) -> None:
        """Wait until PyTorch and the models are loaded.

        Args:
            waiting: is called again and again with the seconds so far.

        Raises:
            LocalError: it does not start.
        """
        began = time.monotonic()
        while not self._ready:
            message = self.next()
            elapsed = time.monotonic() - began
            if message is None or "error" in message or elapsed >= STARTS_IN:
                why = (message or {}).get("error") or self.errors() or "it ended without a word"
                self.stop()
                raise LocalError(f"the process that runs your code does not start: {why.strip()[-2000:]}")
            self._ready = "ready" in message
            waiting(elapsed, "loading PyTorch and the models")

    def check(self, request: dict[str, Any], waiting: Waiting) -> "Ended":
        """Send an answer and wait for what comes of it."""
        self._number += 1
        start, began = (self._folder / "stderr").stat().st_size, time.monotonic()
        found, pid = Ended(), None
        try:
            self.send({**request, "id": self._number})
        except OSError as error:
            raise LocalError(f"the process that runs your code has ended: {self.errors()}") from error
        while True:
            message = self.next()
            found.seconds = time.monotonic() - began
            if message is None:
                found.code = self._process.wait()
                break
            if message and message.get("id") != self._number:
                continue  # of an earlier answer that left something running
            pid = message.get("pid", pid)
            found.report = message.get("report", found.report)
            found.error = message.get("error", found.error)
            if "ended" in message:
                found.code = message["ended"]
                break
            if self.method == "spawn" and (found.report or found.error):
                break
            # The worker ends itself in time; this is for one that cannot even do that.
            if found.seconds > request["seconds"] + GRACE and not found.stopped:
                found.stopped = True
                self.kill(pid)
            waiting(found.seconds, "running your code")
        found.stderr = self.errors(start)
        return found
