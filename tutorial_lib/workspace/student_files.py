"""Files of a student: read in whatever encoding, and kept before something is put in their place."""

import codecs
import hashlib
import io
import re
import tokenize
from pathlib import Path


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
