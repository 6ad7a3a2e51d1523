"""A user for one answer, whom no file and no other process belongs to."""

import os
import secrets
import sys
from dataclasses import dataclass
from pathlib import Path

from tutorial_lib.sandbox import kernel, landlock, library_copy

_LARGE = range(1_600_000_000, 1_900_000_000)  # beyond what distributions and containers give out
_SMALL = range(30_000, 60_000)  # where a container has no others
# To give it its home, become it, end it and clean up after it.
_NEEDED = {0: "CHOWN", 1: "DAC_OVERRIDE", 5: "KILL", 6: "SETGID", 7: "SETUID"}


@dataclass(frozen=True)
class User:
    """Who an answer runs as.

    Attributes:
        uid: a number that no other process has; None: the same user as the grader.
        detail: why it is so.
        keeps_reading: whether it keeps root's right to read all files, since Python lies where only root can
            enter. Landlock then says which.
    """

    uid: int | None
    detail: str
    keeps_reading: bool = False


def choose_user(readable: tuple[str, ...]) -> User:
    """Who to run an answer as.

    Args:
        readable: what this user must be able to read.
    """
    if sys.platform != "linux":
        return User(None, f"there is none of it on {sys.platform}")
    if os.getuid() != 0:
        return User(None, "the grader is not root, so the answer runs as the same user")
    closed = library_copy.needs_root_to_read(readable)
    needed = _NEEDED | ({kernel.CAP_DAC_READ_SEARCH: "DAC_READ_SEARCH"} if closed is not None else {})
    if missing := [name for number, name in needed.items() if not _capabilities() >> number & 1]:
        why = f", which it needs since Python lies in {closed}" if closed is not None else ""
        return User(None, f"root lacks the capabilities {', '.join(missing)} here{why}")
    if closed is not None and landlock.version() == 0:
        return User(None, f"Python lies in {closed}, where only root can enter, and there is no Landlock")
    numbers = next((numbers for numbers in (_LARGE, _SMALL) if _mapped(numbers)), None)
    if numbers is None:
        return User(None, "this container knows too few users")
    uid = _free(numbers)
    if closed is not None:
        detail = f"a number of its own; reads as root does in {closed}, within what Landlock permits"
        return User(uid, detail, keeps_reading=True)
    return User(uid, "a number of its own")


def _capabilities() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("CapEff:")[2].split()[0], 16)


def _mapped(wanted: range) -> bool:
    """Whether this container knows users with these numbers."""
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        first, _, count = map(int, line.split())
        if first <= wanted.start and wanted.stop <= first + count:
            return True
    return False


def _free(numbers: range) -> int:
    """One that no process has now."""
    taken = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                taken.add(os.stat(f"/proc/{name}").st_uid)
            except OSError:
                continue
    while (uid := numbers[secrets.randbelow(len(numbers))]) in taken:
        pass
    return uid
