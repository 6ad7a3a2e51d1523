"""Files that are written whole or not at all."""

import os
import tempfile
import time
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that, whatever happens, the old or the new one is there, never half of one.

    Args:
        path: its folder is made if it is missing.
        text: with newlines as `\\n`, on every system.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.chmod(name, _mode(path))
        replace_file(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """What `open` would give a new file; a temporary one is for its owner only."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


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
