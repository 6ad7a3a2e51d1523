"""The folder of an answer: made for it, watched while it runs, and gone afterwards whatever is in it.

base/library   the copy of this package that answers import, read-only
base/jobs/n    the home of one answer
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from tutorial_lib.sandbox import library_copy

_MOST_FILES = 10_000


def make_base() -> Path:
    """A new folder with the library's copy. Other users may pass through it, not look around."""
    base = Path(tempfile.mkdtemp(prefix="hooking-grader-")).resolve()
    base.chmod(0o711)
    (base / "jobs").mkdir(mode=0o711)
    (base / "jobs").chmod(0o711)  # whatever the umask says
    library_copy.copy_library(base / "library")
    return base


def remove_base(base: Path) -> None:
    """Remove what `make_base` made and whatever answers left in it, as far as that goes."""
    for folder in (base / "jobs").glob("*"):
        with contextlib.suppress(OSError):
            remove_home(folder)
    for path, _, files in os.walk(base / "library"):
        for name in (path, *(os.path.join(path, file) for file in files)):
            os.chmod(name, 0o700)  # it is read-only, and a folder must be writable for its files to go
    shutil.rmtree(base, ignore_errors=True)


def make_home(folder: Path, uid: int | None) -> None:
    """Make an empty folder that its owner alone can enter.

    Args:
        folder: that does not exist yet.
        uid: of its owner. None: this user.
    """
    folder.mkdir(mode=0o700)
    if uid is not None:
        os.chown(folder, uid, uid)


def used_mb(folder: Path) -> float:
    """Megabytes that the files of a folder take, or infinity where that is not to be seen.

    A folder that cannot be entered, a path longer than the system takes or very many files hide what is in
    them, so they count as too much.
    """
    blocks, files, waiting = 0, 0, [os.fspath(folder)]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as entries:
                for entry in entries:
                    files += 1
                    if files > _MOST_FILES:
                        return float("inf")
                    with contextlib.suppress(FileNotFoundError):
                        blocks += entry.stat(follow_symlinks=False).st_blocks
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
        except (FileNotFoundError, NotADirectoryError):
            continue  # it went away meanwhile
        except OSError:
            return float("inf")
    return blocks * 512 / 1e6


def remove_home(folder: Path) -> None:
    """Remove a folder, however deep it is and whatever its permissions are. Links are not followed.

    A folder in a folder is moved up to the first one, so that no path grows too long for the system.

    Raises:
        OSError: something in it cannot be removed.
    """
    root = os.fspath(folder)
    waiting = [root]
    while waiting:
        current = waiting.pop()
        os.chmod(current, 0o700)
        with os.scandir(current) as found:
            entries = list(found)
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.path)
            elif current == root:
                waiting.append(entry.path)
            else:
                os.chmod(entry.path, 0o700)  # to be moved, a folder must be writable itself
                waiting.append(os.path.join(root, secrets.token_hex(16)))
                os.rename(entry.path, waiting[-1])
        if current != root:
            os.rmdir(current)
    os.rmdir(root)
