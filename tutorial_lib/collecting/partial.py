"""Files of a collection are there as a whole or not at all, whatever ends the process that writes them.

While a file is written it has another name, with the rank of its writer in it and some random letters. So two
processes that by mistake write the same file at the same time do not write into one, and what a killed
process left behind is found by the rank that does its work now.
"""

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tutorial_lib.collecting.ranks import Ranks
from tutorial_lib.files import replace_file

_PARTIAL = re.compile(r".+\.(\d+)-[0-9a-f]{8}\.partial")


@contextmanager
def whole_file(path: Path, rank: int) -> Iterator[Path]:
    """Gives another name to write to. At the end of the block the file is on the disk under its own name.

    If the block fails, nothing of it is left, and what was there before still is.
    """
    partial = path.with_name(f"{path.name}.{rank}-{secrets.token_hex(4)}.partial")
    try:
        yield partial
        with open(partial, "r+b") as file:
            os.fsync(file.fileno())
        replace_file(partial, path)
        _sync_folder(path.parent)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def is_partial(path: Path) -> bool:
    """Whether a process is writing this file, or was when it was killed."""
    return _PARTIAL.fullmatch(path.name) is not None


def remove_partial_files(folder: Path, ranks: Ranks) -> None:
    """Removes what killed processes left. What other ranks left is theirs: they may be writing it now."""
    for path in folder.iterdir():
        match = _PARTIAL.fullmatch(path.name)
        if match and ranks.has(int(match[1])):
            path.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Have the new name on the disk as well. Windows cannot open a folder, and does without."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
