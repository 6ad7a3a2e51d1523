"""Watch a process and all that it started, and end them all. Linux only.

This process must be a subreaper: what the answer's process leaves behind becomes its child, however often it
forked, so that everything below this process belongs to the answer.
"""

import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tutorial_lib.checker import report
from tutorial_lib.sandbox import answer_folder
from tutorial_lib.sandbox.limits import Limits

MEMORY, DISK, PROCESSES, STOPPED, TIME = "memory", "disk", "processes", "stopped", "time"
_LOOK_EVERY = 0.05  # seconds


@dataclass(frozen=True)
class Process:
    """A process below this one."""

    pid: int
    state: str


def watch(pid: int, control: socket.socket, limits: Limits, folder: Path) -> str | None:
    """Wait until a process ends, goes beyond a limit, or the judge says stop.

    Args:
        pid: of the process, a child of this one.
        control: the judge's end of which becomes readable when the judge has seen enough.
        limits: of the answer.
        folder: its folder.

    Returns:
        None when it ended by itself; then it is still to be waited for. Otherwise why it must end.
    """
    until = time.monotonic() + limits.seconds
    before = _memory_mb(os.getpid())
    with _ends(pid) as ended:
        waiting = select.poll()
        waiting.register(control.fileno(), select.POLLIN)
        if ended is not None:
            waiting.register(ended, select.POLLIN)
        pause = _LOOK_EVERY if ended is not None else 0.005
        while True:
            left = until - time.monotonic()
            events = dict(waiting.poll(max(0.0, min(left, pause)) * 1000))
            if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return None
            if control.fileno() in events:
                return STOPPED
            if left <= 0:
                return TIME
            if reason := _beyond(limits, before, folder):
                return reason


def end_all(uid: int | None) -> int:
    """Kill and collect everything below this process; says how many were still running.

    Args:
        uid: of the answer, when it has one of its own: then a single call reaches all, also one that forks
            faster than it can be looked for.
    """
    found = len(_running())
    until = time.monotonic() + 10
    while (running := _running()) and time.monotonic() < until:
        if uid is not None:
            _kill_user(uid)
        for number in (signal.SIGSTOP, signal.SIGKILL):  # first none of them may fork any more
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, number)
        _collect()
    _collect()
    return found


def below(root: int) -> list[Process]:
    """All processes that descend from one, those that have ended but not been waited for included."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            stat = Path("/proc", name, "stat").read_text(errors="replace")
        except OSError:
            continue
        state, parent = stat.rpartition(")")[2].split()[:2]
        children.setdefault(int(parent), []).append(Process(int(name), state))
    found = []
    waiting = [root]
    while waiting:
        below_it = children.get(waiting.pop(), [])
        found += below_it
        waiting += [process.pid for process in below_it]
    return found


def _running() -> list[Process]:
    return [process for process in below(os.getpid()) if process.state not in "ZX"]


def _collect() -> None:
    """Wait for the children that have ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _kill_user(uid: int) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)  # all of this user's but itself
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def _beyond(limits: Limits, before: float, folder: Path) -> str | None:
    running = _running()
    if sum(_threads(process.pid) for process in running) > limits.processes + 1:
        return PROCESSES
    # What a process shares with the one it was forked from counts as its own; it had that at its start.
    if sum(max(0.0, _memory_mb(process.pid) - before) for process in running) > limits.memory_mb:
        return MEMORY
    if answer_folder.used_mb(folder) + sum(_unnamed_mb(process.pid) for process in running) > limits.disk_mb:
        return DISK
    return None


def _threads(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def _memory_mb(pid: int) -> float:
    """Megabytes that a process has of its own or shares, without the files it has mapped."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return 0.0
    sizes = dict(line.split(":", 1) for line in lines if line.startswith(("RssAnon:", "RssShmem:")))
    return sum(int(size.split()[0]) for size in sizes.values()) * 1024 / 1e6


def _unnamed_mb(pid: int) -> float:
    """Megabytes of the files that a process has open though they have no name any more."""
    blocks = 0
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found = os.stat(f"/proc/{pid}/fd/{fd}")
                blocks += found.st_blocks if found.st_nlink == 0 else 0
    except OSError:
        return 0.0  # it has ended, or this process may not look; then only the number of open files limits it
    return blocks * 512 / 1e6


@contextlib.contextmanager
def _ends(pid: int) -> Iterator[int | None]:
    """A file descriptor that becomes readable when a process ends; None on an old kernel."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


OUTCOMES = {TIME: report.TIMED_OUT, MEMORY: report.OUT_OF_MEMORY}
