"""Files that are written whole or not at all, and files that one process has for itself."""

import os
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

PARTIAL = ".partial"


def write_whole(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a file so that, whatever happens, the old or the new one is there, never half of one.

    Args:
        path: its folder is made if it is missing. A file that is there keeps its permissions.
        text: with newlines as `\\n`, on every system.
        durable: as for `growing`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with growing(path, durable=durable) as file:
        if path.exists():
            os.chmod(file.name, path.stat().st_mode & 0o777)
        file.write(text.encode())


@contextmanager
def growing(path: Path, *, durable: bool = True) -> Iterator[BinaryIO]:
    """A new file that becomes `path` when the block ends, and goes away if the block fails.

    Each has its own name, so that two processes that write the same file do not meet. It is locked, so
    that `remove_abandoned` can tell whether somebody is writing it.

    Args:
        path: what it becomes.
        durable: wait until the file and its name are on the disk.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    file = open(partial, "xb")  # noqa: SIM115 - closed below, after the new name is there
    try:
        lock(file)
        yield file
        file.flush()
        if durable:
            os.fsync(file.fileno())
        if os.name == "nt":  # it renames no open file
            file.close()
        replace_file(partial, path)
    except BaseException:
        file.close()
        partial.unlink(missing_ok=True)
        raise
    finally:
        file.close()
    if durable:
        _sync_folder(path.parent)


def remove_abandoned(folder: Path) -> None:
    """Removes the partial files that nobody writes. Where files cannot be locked they stay."""
    for path in folder.glob(f"*{PARTIAL}"):
        try:
            with open(path, "r+b") as file:
                if lock(file):
                    path.unlink()
        except OSError:  # somebody is quicker, it is not ours to remove, or Windows, which keeps open files
            continue


def lock(file: Any) -> bool:
    """Whether this process has an open file for itself now, until it closes it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (OSError, ImportError):  # it is locked, or the file system or Python has no locks
        return False
    return True


def replace_file(name: str | Path, path: Path) -> None:
    """`os.replace`, tried for a second: on Windows it fails while another process reads the file."""
    for wait in (0.02, 0.05, 0.1, 0.2, 0.5):
        try:
            return os.replace(name, path)
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(wait)
    os.replace(name, path)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk as well. Windows cannot open a folder, and does without."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
