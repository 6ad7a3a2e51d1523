"""The other end of `local_worker.py`: start it, talk to it, stop it. Loads no torch."""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Waiting = Callable[[float, str], None]
TICK = 0.1  # seconds between two looks at the clock
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


class LocalProcess:
    """A process of `local_worker.py`.

    Args:
        method: `"fork"`: for many answers. `"spawn"`: for one.
    """

    def __init__(self, method: str) -> None:
        self.method = method
        self._messages: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._folder = Path(tempfile.mkdtemp(prefix="hooking-"))
        self._ready = False
        self._number = 0
        # With -I, nothing from the folder it is started in: a student's `json.py` may lie there.
        path = json.dumps([folder for folder in sys.path if folder])
        with open(self._folder / "stderr", "ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM, method, path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
                **_apart(),
            )
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it can take an answer."""
        return self._process.poll() is None

    def wait_until_ready(self, waiting: Waiting) -> None:
        """Wait until PyTorch and the models are loaded.

        Args:
            waiting: is called again and again with the seconds so far.

        Raises:
            LocalError: it does not start.
        """
        began = time.monotonic()
        while not self._ready:
            message = self._next()
            elapsed = time.monotonic() - began
            if message == {} and elapsed < STARTS_IN:
                waiting(elapsed, "loading PyTorch and the models")
            elif message and message.get("ready"):
                self._ready = True
            else:
                why = (message or {}).get("error") or self.errors() or "it ended without a word"
                self.stop()
                raise LocalError(f"the process that runs your code does not start: {why.strip()[-2000:]}")

    def check(self, request: dict[str, Any], waiting: Waiting) -> "Ended":
        """Send an answer and wait for what comes of it."""
        self._number += 1
        start, began = (self._folder / "stderr").stat().st_size, time.monotonic()
        found, pid = Ended(), self._process.pid
        self._send({**request, "id": self._number})
        while True:
            message = self._next()
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
                _kill(pid, self._process)
            waiting(found.seconds, "running your code")
        found.stderr = self.errors(start)
        return found

    def errors(self, start: int = 0) -> str:
        """What it wrote to standard error, from a byte on."""
        with open(self._folder / "stderr", "rb") as file:
            file.seek(start)
            return file.read(200_000).decode("utf-8", "replace")

    def stop(self) -> None:
        """End it, and what it checks at the moment."""
        try:
            if self._process.stdin:
                self._process.stdin.close()
        except OSError:
            pass
        _kill(self._process.pid, self._process)
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _send(self, message: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except OSError as error:
            raise LocalError(f"the process that runs your code has ended: {self.errors()}") from error

    def _next(self) -> dict[str, Any] | None:
        """The next message; {}: none for a moment; None: there will be none."""
        alive = self.alive
        try:
            return self._messages.get(timeout=TICK if alive else 1.0)
        except queue.Empty:
            return {} if alive else None  # its pipe may be open still, in something that it started

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                self._messages.put(json.loads(line))
            except ValueError:
                continue
        self._messages.put(None)


def _apart() -> dict[str, Any]:
    """Options for a process that Ctrl-C does not reach, and that can be ended with what it starts."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"start_new_session": True}


def _kill(pid: int, process: "subprocess.Popen[bytes]") -> None:
    """End a process and what it started, a copy that `process` made of itself or `process`."""
    try:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
