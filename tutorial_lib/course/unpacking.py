"""Read the few files that matter from a zip or a folder that may be hostile.

Nothing is unpacked to disk and nothing else is read: neither git nor any program runs in a submission. What
is refused is refused by itself, with a reason; the other files of the same submission are read all the same.
"""

import os
import re
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tutorial_lib.course import CourseError

FILE_BYTES = 256 * 1024  # of one answer
ZIP_BYTES = 16 * 1024**2  # of a zip on disk
ENTRIES = 5_000
UNPACKED_BYTES = 64 * 1024**2  # that a zip says to hold, bombs left out
RATIO, RATIO_FROM = 100, 1024**2  # an entry that grows more, and beyond this size, is a bomb
NOTES = 20


class UnreadableError(CourseError):
    """A submission of which nothing can be read."""


@dataclass
class Handed:
    """What was read of a submission.

    Attributes:
        files: content by name, of the files that were asked for.
        refused: reason by name, of files that were asked for and may not be read.
        notes: what else was refused or ignored.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def read_zip(file: Path, wanted: Collection[str]) -> Handed:
    """Read files of a zip. One folder around everything, as other programs make it, is looked through.

    Args:
        file: the zip.
        wanted: names such as `"01_hooks/print_a_shape.py"`.

    Raises:
        UnreadableError: it is no zip, or too large as a whole.
    """
    size = file.stat().st_size
    if size > ZIP_BYTES:
        raise UnreadableError(f"the zip has {_mb(size)}, more than the {_mb(ZIP_BYTES)} that are read")
    try:
        with zipfile.ZipFile(file) as archive:
            return _read_entries(archive, wanted)
    except UnreadableError:
        raise
    except Exception as error:  # of any class: zipfile reads bytes that may be made to break it
        raise UnreadableError(
            f"cannot be read as a zip ({type(error).__name__}: {shown(str(error))})"
        ) from error


def read_folder(root: Path, wanted: Collection[str]) -> Handed:
    """Read files of a folder, following no symbolic link.

    Raises:
        UnreadableError: the folder itself is a symbolic link.
    """
    if root.is_symlink():
        raise UnreadableError("is a symbolic link")
    handed = Handed()
    base = os.path.realpath(root)
    for name in sorted(wanted):
        try:
            handed.files[name] = _read_file(root, name, base)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except UnreadableError as refusal:
            handed.refused[name] = str(refusal)
        except OSError as error:
            handed.refused[name] = f"cannot be read ({error.strerror})"
    return handed


def shown(text: str, length: int = 120) -> str:
    """A text of unknown origin in printable ASCII, cut: safe for a terminal."""
    plain = ascii(text)[1:-1]
    return plain if len(plain) <= length else plain[: length - 3] + "..."


def _read_entries(archive: zipfile.ZipFile, wanted: Collection[str]) -> Handed:
    entries = archive.infolist()
    if len(entries) > ENTRIES:
        raise UnreadableError(f"the zip has {len(entries)} entries, more than {ENTRIES}")
    handed, bad, names = Handed(), [], []
    for entry in entries:
        misplaced = _bad_name(entry)
        reason = misplaced or _bad_content(entry)
        if reason:
            bad.append(f"{shown(entry.orig_filename)}: {reason}")
        if not misplaced:
            names.append((_normal(entry.orig_filename), entry, reason))
    unpacked = sum(entry.file_size for _, entry, reason in names if not reason)
    if unpacked > UNPACKED_BYTES:
        raise UnreadableError(f"the zip would unpack to {_mb(unpacked)}, more than {_mb(UNPACKED_BYTES)}")
    around = _around([name for name, _, reason in names if not reason], wanted)
    counted = Counter(name.removeprefix(around) for name, _, _ in names)
    for name, entry, reason in names:
        short = name.removeprefix(around)
        if short not in wanted or short in handed.refused:
            continue
        if counted[short] > 1:
            handed.refused[short] = f"is in the zip {counted[short]} times"
            bad.append(f"{shown(name)}: {handed.refused[short]}")
        elif reason:
            handed.refused[short] = reason
        else:
            _read_entry(archive, entry, short, handed)
    handed.notes += bad[:NOTES] + ([f"and {len(bad) - NOTES} more"] if len(bad) > NOTES else [])
    return handed


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str, handed: Handed) -> None:
    try:
        with archive.open(entry) as stream:
            # Never more than is needed to see that it is too much, whatever size the zip states.
            content = stream.read(FILE_BYTES + 1)
    except (zipfile.BadZipFile, zlib.error, ValueError, RuntimeError, OSError, EOFError) as error:
        handed.refused[name] = f"cannot be unpacked ({type(error).__name__}: {shown(str(error))})"
        return
    if len(content) > FILE_BYTES:
        handed.refused[name] = f"has more than {_kb(FILE_BYTES)}"
    else:
        handed.files[name] = content


def _bad_name(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry is none of the files that are asked for, whatever its name says."""
    name = entry.orig_filename.replace("\\", "/")
    reasons = (
        ("\0" in name, "has a NUL in its name"),
        (not entry.flag_bits & 0x800 and not name.isascii(), "has a name that is not UTF-8"),
        (name.startswith("/"), "is an absolute path"),
        (re.match(r"[A-Za-z]:", name), "is a path with a drive letter"),
        (".." in name.split("/"), "leads out of its folder with '..'"),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _bad_content(entry: zipfile.ZipInfo) -> str | None:
    """Why an entry may not be read."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    ratio = entry.file_size / max(1, entry.compress_size)
    grows = ratio > RATIO and entry.file_size > RATIO_FROM
    reasons = (
        (kind == stat.S_IFLNK, "is a symbolic link"),
        (kind not in (0, stat.S_IFREG, stat.S_IFDIR), "is no regular file"),
        (entry.flag_bits & 0x1, "is encrypted"),
        (
            entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
            "is packed in an unusual way",
        ),
        (
            grows or entry.file_size > UNPACKED_BYTES,
            f"would unpack to {_mb(entry.file_size)}, {ratio:.0f} times its size: a bomb",
        ),
    )
    return next((reason for holds, reason in reasons if holds), None)


def _normal(name: str) -> str:
    """A name with one way of writing it, so that `a//b` and `./a/b` are seen to be the same."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", "."))


def _around(names: list[str], wanted: Collection[str]) -> str:
    """The one folder, with its slash, that is around everything; nothing where there is none."""
    if any(name in wanted for name in names):
        return ""
    tops = {name.partition("/")[0] for name in names} - {"__MACOSX"}
    top = f"{tops.pop()}/" if len(tops) == 1 else ""
    return top if any(name.removeprefix(top) in wanted for name in names) else ""


def _read_file(root: Path, name: str, base: str) -> bytes:
    path, found = root, os.lstat(root)
    for part in name.split("/"):
        path = path / part
        found = os.lstat(path)
        if stat.S_ISLNK(found.st_mode):
            raise UnreadableError(f"{part} is a symbolic link")
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableError("is no regular file")
    if not os.path.realpath(path).startswith(base + os.sep):
        raise UnreadableError("is not in the folder")
    if found.st_size > FILE_BYTES:
        raise UnreadableError(f"has {_kb(found.st_size)}, more than {_kb(FILE_BYTES)}")
    with open(path, "rb", opener=_open) as stream:
        return stream.read(FILE_BYTES + 1)[:FILE_BYTES]


def _open(path: Any, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _mb(size: int) -> str:
    return f"{size / 1024**2:,.1f} MB"


def _kb(size: int) -> str:
    return f"{size / 1024:,.0f} kB"
