"""The judge's side of a process: hand it a job, take what it sends, and end it in time."""

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tutorial_lib.sandbox import answer_folder, library_copy, supervise
from tutorial_lib.sandbox.limits import Limits, Protection

START_SECONDS = 600.0  # for loading PyTorch, on a very busy machine
_GRACE = 15.0  # after the limit, for ending all processes
_ZYGOTE = "tutorial_lib.sandbox.zygote"


class IsolationError(RuntimeError):
    """The process that answers run in cannot be started. No answer's doing."""


@dataclass(frozen=True)
class Ending:
    """How a job ended.

    Attributes:
        data: what the process sent.
        reason: why it was ended, as `supervise` names it; `"output"`: it sent too much; None: by itself.
        status: as `os.waitpid` gives it, when it ended by itself.
        left: how many other processes were still running then.
    """

    data: bytes
    reason: str | None
    status: int | None
    left: int = 0


class Runner(Protocol):
    """Runs jobs, each in a process of its own."""

    def __init__(self, limits: Limits, device: str) -> None: ...

    def start(self) -> None:
        """Begin with what takes long, without waiting for it."""

    @property
    def protections(self) -> tuple[Protection, ...]:
        """The layers in force."""

    def run(self, job: bytes, limits: Limits, models: tuple[str, ...]) -> Ending:
        """Run one job; see `worker.make_job`."""

    def close(self) -> None:
        """End what is kept ready."""


def environment(base: Path) -> dict[str, str]:
    """What a process of an answer knows of this one's environment: nothing but where programs are."""
    kept = ("PATH", "LD_LIBRARY_PATH", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "CUDA_VISIBLE_DEVICES")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "PYTHONPATH": str(base / "library"),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
        "HOME": str(base / "jobs"),
        "USERPROFILE": str(base / "jobs"),
        "HF_HOME": str(base / "nothing"),
        "HF_HUB_OFFLINE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


class Zygote:
    """Keeps a clean process ready that forks one child for each job. Linux only."""

    def __init__(self, limits: Limits, device: str) -> None:
        self._limits, self._device = limits, device
        self._base: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._ready = False
        self._layers: dict[bool, tuple[Protection, ...]] = {}  # with and without the network

    def start(self) -> None:
        """Start the process if there is none, without waiting until it is ready."""
        if self._process is not None:
            return
        self._base = answer_folder.make_base()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, open(self._base / "errors", "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", _ZYGOTE, str(theirs.fileno())],
                cwd=self._base / "library",
                env=environment(self._base),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._control = ours
        self._say({"base": str(self._base), "hidden": str(library_copy.PACKAGE), "device": self._device})

    @property
    def protections(self) -> tuple[Protection, ...]:
        """The layers in force, as a process found them when it tried them all.

        Raises:
            IsolationError: it did not start.
        """
        if self._limits.network not in self._layers:
            self.run(b"", self._limits, ())
        return self._layers[self._limits.network]

    def run(self, job: bytes, limits: Limits, models: tuple[str, ...]) -> Ending:
        """Run one job.

        Args:
            job: see `worker.make_job`.
            limits: of the answer.
            models: to be built before the clock starts.

        Raises:
            IsolationError: the process did not start, or a layer is missing that was in force before.
        """
        for _ in range(2):
            self._wait_until_ready()
            try:
                ending = self._try(job, limits, models)
            except BaseException:  # a Ctrl-C too: what it still has to say belongs to this job
                self.close()
                raise
            if ending is not None:
                return ending
            self.close()  # it was gone before it began, as when the system was short of memory
        raise IsolationError("the grading process ends before it runs an answer")

    def _try(self, job: bytes, limits: Limits, models: tuple[str, ...]) -> Ending | None:
        """Run one job; None when it was not begun."""
        assert self._control is not None
        read, write = os.pipe()
        with os.fdopen(read, "rb", buffering=0) as results:
            with os.fdopen(write, "wb", buffering=0) as theirs, tempfile.TemporaryFile() as file:
                file.write(job)
                file.flush()
                message = json.dumps({"limits": limits.to_dict(), "models": models}).encode()
                with contextlib.suppress(OSError):  # it is gone, which is seen when it does not answer
                    socket.send_fds(self._control, [message], [file.fileno(), theirs.fileno()])
            started = self._hear(time.monotonic() + START_SECONDS)
            if started is None:
                return None
            self._check_layers(started["started"], limits)
            ending = self._receive(results.fileno(), limits)
        if ending is None:  # the process is gone, or does not answer: the answer got at it
            self.close()
            return Ending(b"", supervise.STOPPED, None)
        return ending

    def _receive(self, results: int, limits: Limits) -> Ending | None:
        assert self._control is not None
        os.set_blocking(results, False)
        most = int(limits.output_mb * 1e6)
        data = bytearray()
        until = time.monotonic() + limits.seconds + _GRACE
        waiting = select.poll()
        waiting.register(self._control, select.POLLIN)
        waiting.register(results, select.POLLIN)
        ended: dict[str, Any] | None = None
        while ended is None:
            left = until - time.monotonic()
            events = dict(waiting.poll(max(0.0, left) * 1000))
            if not events:
                return None
            if results in events and not _read_some(results, data, most):
                waiting.unregister(results)
                if len(data) > most:
                    self._say({"stop": True})
            if self._control.fileno() in events and (ended := self._hear(time.monotonic())) is None:
                return None
        while len(data) <= most and _read_some(results, data, most):
            pass
        if len(data) > most:
            return Ending(b"", "output", None)
        return Ending(bytes(data), ended["reason"], ended["status"], ended["left"])

    def _wait_until_ready(self) -> None:
        self.start()
        if not self._ready and self._hear(time.monotonic() + START_SECONDS) is None:
            assert self._base is not None
            errors = (self._base / "errors").read_text(errors="replace")[-2_000:]
            self.close()
            raise IsolationError(f"the grading process did not start:\n{errors}")
        self._ready = True

    def _check_layers(self, found: list[dict[str, Any]] | None, limits: Limits) -> None:
        """That nothing runs with fewer layers than the first answer did."""
        layers = tuple(Protection(**layer) for layer in found or ())
        known = self._layers.setdefault(limits.network, layers) if layers else ()
        on = {layer.name for layer in layers if layer.on}
        missing = [layer.name for layer in known if layer.on and layer.name not in on]
        if missing or not layers:
            what = ", ".join(missing) or "it ended first"
            raise IsolationError(f"an answer's process could not be confined: {what}")

    def close(self) -> None:
        """End the process, what it started, and its folder."""
        process, control, base = self._process, self._control, self._base
        self._process = self._control = self._base = None
        self._ready = False
        if control is not None:
            control.close()  # upon which it ends by itself
        if process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_GRACE)
            if process.poll() is None:
                for started in supervise.below(process.pid):
                    with contextlib.suppress(OSError):
                        os.kill(started.pid, 9)
                process.kill()
                process.wait()
        if base is not None:
            answer_folder.remove_base(base)

    def _say(self, values: dict[str, Any]) -> None:
        assert self._control is not None
        with contextlib.suppress(OSError):  # it is gone, which is seen when it does not answer
            self._control.send(json.dumps(values).encode())

    def _hear(self, until: float) -> dict[str, Any] | None:
        """The next message, or None when the process is gone or takes too long."""
        assert self._control is not None
        self._control.settimeout(max(0.0, until - time.monotonic()))
        try:
            message = self._control.recv(1 << 16)
        except OSError:
            return None
        return json.loads(message) if message else None


def _read_some(fd: int, data: bytearray, most: int) -> bool:
    """Read what is there, up to the first byte that is too much; False when no more is to be read."""
    try:
        part = os.read(fd, 1 << 20)
    except BlockingIOError:
        return False
    data += part
    return bool(part) and len(data) <= most
