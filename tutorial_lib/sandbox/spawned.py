"""A new process for each job, where there is no safe fork: macOS and Windows.

Slower by the seconds that loading PyTorch takes, and with what limits Python can set there. On Linux it works
as well, with all layers, and that is how it is tested.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path

from tutorial_lib.sandbox import answer_folder, answer_process, confine, library_copy, users
from tutorial_lib.sandbox.limits import Limits, Protection
from tutorial_lib.sandbox.runner import START_SECONDS, Ending, IsolationError, environment

_MODULE = "tutorial_lib.sandbox.spawned"


class Spawner:
    """Starts a process for each job, and ends it with all that it started as far as the system tells."""

    def __init__(self, limits: Limits, device: str) -> None:
        self._limits, self._device = limits, device
        self._base: Path | None = None

    def start(self) -> None:
        """Nothing can be made ready."""

    @property
    def protections(self) -> tuple[Protection, ...]:
        """The layers in force, as a process found them when it tried them all."""
        return self._run(b"", self._limits)[0]

    def run(self, job: bytes, limits: Limits, models: tuple[str, ...]) -> Ending:
        """Run one job; its process builds the models itself."""
        return self._run(job, limits)[1]

    def close(self) -> None:
        """Remove the folder."""
        if self._base is not None:
            answer_folder.remove_base(self._base)
        self._base = None

    def _run(self, job: bytes, limits: Limits) -> tuple[tuple[Protection, ...], Ending]:
        """The layers in force, which the process says before it runs the answer, and how it ended."""
        self._base = self._base or answer_folder.make_base()
        folder = Path(tempfile.mkdtemp(dir=self._base / "jobs"))
        folder.rmdir()
        settings = {
            "base": str(self._base),
            "home": str(folder),
            "hidden": str(library_copy.PACKAGE),
            "device": self._device,
            "limits": limits.to_dict(),
        }
        try:
            with tempfile.TemporaryFile() as file:
                file.write(json.dumps(settings).encode() + b"\n" + job)
                file.seek(0)
                process = subprocess.Popen(
                    [sys.executable, "-m", _MODULE],
                    cwd=self._base / "library",
                    env=environment(self._base),
                    stdin=file,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
            ending = _wait(process, limits)
        finally:
            with contextlib.suppress(OSError):
                answer_folder.remove_home(folder)
        layers, newline, data = ending.data.partition(b"\n")
        if not newline and ending.reason != "output":
            raise IsolationError("a process for an answer could not be started, or could not be confined")
        found = json.loads(layers) if newline else ()
        return tuple(Protection(**layer) for layer in found), replace(ending, data=data)


def _wait(process: "subprocess.Popen[bytes]", limits: Limits) -> Ending:
    data = bytearray()
    most = int(limits.output_mb * 1e6)
    started, full = threading.Event(), threading.Event()

    def read() -> None:
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):
            while len(data) <= most and (part := os.read(process.stdout.fileno(), 1 << 16)):
                data.extend(part)
                started.set()  # the first line is sent before anything of the answer runs
        if len(data) > most:
            full.set()
        started.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reason = None if started.wait(START_SECONDS) else "time"
    until = time.monotonic() + limits.seconds
    while reason is None and process.poll() is None:
        if full.is_set():
            reason = "output"
        elif time.monotonic() > until:
            reason = "time"
        else:
            full.wait(0.02)
    status = None if reason is not None else _status(process)
    _end(process)
    reader.join(5)
    sent = b"" if len(data) > most else bytes(data)
    return Ending(sent, "output" if full.is_set() else reason, status)


def _status(process: "subprocess.Popen[bytes]") -> int:
    """How it ended, as `os.waitpid` gives it."""
    code = process.wait()
    return -code if code < 0 else code << 8


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the process and what it started: its group, or on Windows the tree below it."""
    if sys.platform == "win32":
        command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False)
    else:
        with contextlib.suppress(OSError):
            os.killpg(process.pid, 9)
    with contextlib.suppress(OSError):
        process.kill()
    process.wait()


def main() -> None:
    """The new process: read the job, give up what is to be given up, run it."""
    line, _, job = answer_process.read_all(0).partition(b"\n")
    settings = json.loads(line)
    base, folder, device = Path(settings["base"]), Path(settings["home"]), settings["device"]
    paths = library_copy.permitted_paths(base / "library", Path(settings["hidden"]), device)
    user = users.choose_user(paths.readable)
    answer_folder.make_home(folder, user.uid)
    plan = confine.Confinement(Limits(**settings["limits"]), folder, user, paths, device)
    results = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    send = answer_process.send_all(results)
    send(json.dumps([layer.to_dict() for layer in confine.confine(plan)]).encode() + b"\n")
    if job:
        answer_process.run_job(job, send)
    os._exit(0)


if __name__ == "__main__":
    main()
