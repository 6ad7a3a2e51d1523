"""Files of a student: written whole or not at all, and never over something that is theirs."""

import codecs
import hashlib
import io
import os
import re
import tempfile
import time
import tokenize
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
        _replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def keep_copy(path: Path, folder: Path, content: bytes | None = None) -> Path:
    """A copy of a file under the first free name `<stem>.<n><suffix>` of a folder.

    Args:
        path: the file.
        folder: is made if it is missing.
        content: to write instead of what the file holds now.
    """
    data = path.read_bytes() if content is None else content
    folder.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        kept = folder / f"{path.stem}.{number}{path.suffix}"
        try:
            with open(kept, "xb") as file:  # fails if it is there, also if it came a moment ago
                file.write(data)
            return kept
        except FileExistsError:
            number += 1


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, with or without the mark that Windows' editors put first."""
    return path.read_text(encoding="utf-8-sig")


def read_source(path: Path) -> str:
    """The text of a Python file; see `decode_source`.

    Raises:
        SyntaxError: it is in another encoding than it says.
    """
    return decode_source(path.read_bytes())


def decode_source(data: bytes, *, only: re.Pattern[str] | None = None) -> str:
    """The text of a Python file in the encoding that it declares, UTF-8 otherwise; line ends become `\\n`.

    Args:
        data: of the file.
        only: matches the names of the encodings to accept. None: all that Python knows.

    Raises:
        SyntaxError: it is in another encoding than it says, or in one that is not accepted.
    """
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        if only is not None and not only.fullmatch(codecs.lookup(encoding).name):
            raise SyntaxError(f"the encoding {encoding} is not accepted here")
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise SyntaxError(f"the file is not {error.encoding} text: save the file as UTF-8") from error
    except SyntaxError as error:  # the first two lines are no UTF-8, or declare what Python does not know
        raise SyntaxError(f"{error.msg}: save the file as UTF-8") from error
    return io.StringIO(text, newline=None).read()


def fingerprint(text: str) -> str:
    """The same for texts that differ only in line ends and in spaces at the end of lines."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()


def _mode(path: Path) -> int:
    """What `open` would give a new file; a temporary one is for its owner only."""
    if path.exists():
        return path.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _replace(name: str, path: Path) -> None:
    """`os.replace`, tried for a second: on Windows it fails while another process reads the file."""
    for wait in (0.02, 0.05, 0.1, 0.2, 0.5):
        try:
            return os.replace(name, path)
        except PermissionError:
            if os.name != "nt":
                raise
            time.sleep(wait)
    os.replace(name, path)
