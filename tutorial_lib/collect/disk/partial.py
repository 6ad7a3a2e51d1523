"""Files that grow under another name, and what becomes of them when their process is killed."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from tutorial_lib.files import replace_file

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

PARTIAL = ".partial"


@contextmanager
def growing(path: Path) -> Iterator[BinaryIO]:
    """A new file that becomes `path` when the block ends, and goes away if the block fails.

    Each has a name of its own, so that two processes which write the same file do not meet. It is locked, so
    that `remove_abandoned` can tell whether somebody is writing it.
    """
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}{PARTIAL}")
    file = open(partial, "xb")  # noqa: SIM115 - closed below, after the new name is there
    try:
        _lock(file)
        yield file
        file.flush()
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
    _sync_folder(path.parent)


def write_text(path: Path, text: str) -> None:
    """Have the whole text in a file, or leave what was there."""
    with growing(path) as file:
        file.write(text.encode())


def remove_abandoned(folder: Path) -> None:
    """Removes the partial files that nobody writes. Where files cannot be locked they stay."""
    for path in folder.glob(f"*{PARTIAL}"):
        try:
            with open(path, "r+b") as file:
                if not _lock(file):
                    continue
                path.unlink()
        except OSError:  # somebody is quicker, or it is not ours to remove
            continue


def _lock(file: Any) -> bool:
    """Whether this process has the file for itself now, until it is closed."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # it is locked, or the file system has no locks
        return False
    return True


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk as well. Windows cannot open a folder, and does without."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
