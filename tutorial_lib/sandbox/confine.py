"""What a process gives up before an answer's code runs in it: much on Linux, little elsewhere."""

import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from tutorial_lib.sandbox import kernel, landlock, seccomp
from tutorial_lib.sandbox.library_copy import Paths
from tutorial_lib.sandbox.limits import Limits, Protection
from tutorial_lib.sandbox.users import User

_OPEN_FILES = 128
_LINUX = sys.platform == "linux"


@dataclass(frozen=True)
class Confinement:
    """What a process is to be confined to.

    Attributes:
        limits: of the answer.
        home: its folder, the only one to write in.
        user: who it runs as.
        paths: what it may read.
        device: where the models are, such as "cpu".
    """

    limits: Limits
    home: Path
    user: User
    paths: Paths
    device: str


def confine(plan: Confinement) -> list[Protection]:
    """Confine this process and all that it will start, for good. Says which layers are in force.

    The order matters: a new user may no longer do what came before.
    """
    os.chdir(plan.home)
    _settle(plan.home)
    layers = [
        Protection("own process", True, "the judge is another one, and only reads what this one sends"),
        _limits(plan),
    ]
    if _LINUX:
        layers += [
            _try("own network", lambda: _own_network(plan)),
            _try("own user", lambda: _user(plan)),
            _try("no new privileges", _no_new_privileges),
            _try("files", lambda: _files(plan)),
            _try("system calls", lambda: _system_calls(plan)),
        ]
        # Some of the above made the process one that its parent may not look into.
        kernel.prctl(kernel.PR_SET_DUMPABLE, 1)
        kernel.prctl(kernel.PR_SET_PDEATHSIG, 9)
    else:
        names = ("own network", "own user", "no new privileges", "files", "system calls")
        layers += [Protection(name, False, f"there is none of it on {sys.platform}") for name in names]
    return layers


def _try(name: str, layer: Callable[[], Protection]) -> Protection:
    try:
        return layer()
    except OSError as error:
        return Protection(name, False, f"not permitted here ({error})")


def _settle(home: Path) -> None:
    for name in ("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE", "XDG_CACHE_HOME"):
        os.environ[name] = str(home)
    tempfile.tempdir = None


def _limits(plan: Confinement) -> Protection:
    if sys.platform == "win32":
        return Protection("limits", False, "Windows has no limits that Python can set; the wall clock holds")
    import resource

    disk = int(plan.limits.disk_mb * 1e6)
    seconds = math.ceil(plan.limits.seconds)
    wanted: list[tuple[str, int]] = [
        ("CORE", 0),
        ("FSIZE", disk),
        # Beyond what importing has taken, where this process has not been forked from one that had done so.
        ("CPU", math.ceil(time.process_time()) + seconds + 2),
        ("NOFILE", _OPEN_FILES),
        ("MSGQUEUE", 0),
        ("NPROC", plan.limits.processes + _others(plan)),
    ]
    if plan.device.startswith("cpu"):  # CUDA takes address space by the terabyte
        wanted.append(("AS", _address_space() + int(plan.limits.memory_mb * 1e6)))
    done = []
    for name, value in wanted:
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        hard = resource.getrlimit(number)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # The signal at the soft limit of time says what it was for; the one at the hard limit only kills.
        soft = value - 1 if name == "CPU" else value
        try:
            resource.setrlimit(number, (soft, value))
        except (OSError, ValueError):
            continue
        done.append(name)
    return Protection("limits", True, "of " + ", ".join(done))


def _others(plan: Confinement) -> int:
    """How many processes and threads the user has already, where the answer shares the user."""
    if plan.user.uid is not None:
        return 0
    if not _LINUX:
        return 4096  # not known
    return sum(_threads(Path("/proc") / name) for name in os.listdir("/proc") if name.isdigit())


def _threads(process: Path) -> int:
    try:
        return len(os.listdir(process / "task")) if process.stat().st_uid == os.getuid() else 0
    except OSError:
        return 0


def _address_space() -> int:
    if not _LINUX:
        return 0 if sys.platform == "win32" else 1 << 36  # what a process has at its start is not known
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _own_network(plan: Confinement) -> Protection:
    if plan.limits.network:
        return Protection("own network", False, "the limits permit the network")
    flags = kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC
    kernel.unshare(flags if os.getuid() == 0 else flags | kernel.CLONE_NEWUSER)
    return Protection("own network", True, "a network namespace with nothing in it")


def _user(plan: Confinement) -> Protection:
    uid, kept = plan.user.uid, (kernel.CAP_DAC_READ_SEARCH,) if plan.user.keeps_reading else ()
    if uid is None:
        kernel.keep_capabilities()
        return Protection("own user", False, plan.user.detail)
    os.setgroups([])
    if kept:
        kernel.prctl(kernel.PR_SET_KEEPCAPS, 1)
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    if kept:
        kernel.keep_capabilities(*kept)
    return Protection("own user", True, plan.user.detail)


def _no_new_privileges() -> Protection:
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    return Protection("no new privileges", True, "no program can give back what was given up")


def _files(plan: Confinement) -> Protection:
    abi = landlock.version()
    if abi == 0:
        return Protection("files", False, "this kernel has no Landlock, or it is switched off")
    landlock.restrict(
        abi,
        readable=plan.paths.readable,
        listable=plan.paths.listable,
        devices=plan.paths.devices,
        writable=[str(plan.home)],
        network=plan.limits.network,
    )
    more = [
        word
        for word, there in (
            ("TCP", landlock.limits_tcp(abi) and not plan.limits.network),
            ("signals", landlock.limits_signals(abi)),
        )
        if there
    ]
    detail = f"Landlock {abi}: reads Python and a copy of the library, writes its own folder"
    return Protection("files", True, detail + (f"; also for {' and '.join(more)}" if more else ""))


def _system_calls(plan: Confinement) -> Protection:
    if reason := seccomp.why_not():
        return Protection("system calls", False, reason)
    seccomp.restrict(network=plan.limits.network)
    refused = ["other processes", "namespaces", "modes and owners of files"]
    if not plan.limits.network:
        refused.insert(0, "sockets")
    return Protection("system calls", True, f"seccomp: none for {', '.join(refused)}")


def cut_off(kept: Iterable[int]) -> None:
    """Make this process one of its own: a new session, no open files but these, nothing on the standard ones.

    Args:
        kept: file descriptors above 2.
    """
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    last = 2
    for fd in sorted(kept):
        os.closerange(last + 1, fd)
        last = fd
    os.closerange(last + 1, 1 << 16)
