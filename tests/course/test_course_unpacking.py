"""Zips and folders that wish the reader ill: each is refused for what it is, the good in it is read."""

import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tutorial_lib.course import unpacking
from tutorial_lib.course.unpacking import UnreadableError, read_folder, read_zip

GOOD, OTHER = "01_hooks/good.py", "01_hooks/other.py"
WANTED = {GOOD, OTHER}


Entry = tuple[str | zipfile.ZipInfo, bytes]


def make_zip(file: Path, *entries: Entry, packing: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(file, "w", packing) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for entry, content in entries:
            archive.writestr(entry, content)
    return file


def entry(name: str, **fields: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    for field, value in fields.items():
        setattr(info, field, value)
    return info


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../01_hooks/other.py", "leads out of its folder with '..'"),
        ("01_hooks/../../other.py", "leads out of its folder with '..'"),
        ("..\\..\\other.py", "leads out of its folder with '..'"),
        ("/01_hooks/other.py", "is an absolute path"),
        ("\\\\server\\share\\other.py", "is an absolute path"),
        ("C:/01_hooks/other.py", "is a path with a drive letter"),
        ("c:other.py", "is a path with a drive letter"),
    ],
)
def test_a_path_that_leads_out_is_refused_and_the_rest_is_read(
    tmp_path: Path, name: str, reason: str
) -> None:
    handed = read_zip(make_zip(tmp_path / "a.zip", (name, b"bad"), (GOOD, b"good")), WANTED)
    assert handed.files == {GOOD: b"good"}
    assert len(handed.notes) == 1
    assert handed.notes[0].endswith(reason)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(stat.S_IFLNK, "is a symbolic link"), (stat.S_IFIFO, "is no regular file")],
)
def test_a_link_or_device_in_the_place_of_an_answer_is_refused(
    tmp_path: Path, kind: int, reason: str
) -> None:
    bad = entry(OTHER, external_attr=(kind | 0o777) << 16)
    handed = read_zip(make_zip(tmp_path / "a.zip", (bad, b"/etc/passwd"), (GOOD, b"good")), WANTED)
    assert handed.files == {GOOD: b"good"}
    assert handed.refused == {OTHER: reason}


@pytest.mark.parametrize("again", [OTHER, "./01_hooks/other.py", "01_hooks//other.py", "01_hooks\\other.py"])
def test_a_file_that_is_there_twice_is_refused_since_nobody_knows_which(tmp_path: Path, again: str) -> None:
    handed = read_zip(make_zip(tmp_path / "a.zip", (OTHER, b"1"), (again, b"2"), (GOOD, b"good")), WANTED)
    assert handed.files == {GOOD: b"good"}
    assert handed.refused == {OTHER: "is in the zip 2 times"}
    assert len(handed.notes) == 1


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", (OTHER, b"secret"), (GOOD, b"good"))
    content = bytearray(file.read_bytes())
    # The flag of the first entry, in its own header and in the central directory.
    for at in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[at] |= 1
    file.write_bytes(content)
    handed = read_zip(file, WANTED)
    assert handed.files == {GOOD: b"good"}
    assert handed.refused == {OTHER: "is encrypted"}


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_file_that_is_packed_in_an_unusual_way_is_refused(tmp_path: Path, packing: int) -> None:
    bad = entry(OTHER, compress_type=packing)
    handed = read_zip(make_zip(tmp_path / "a.zip", (bad, b"bad"), (GOOD, b"good")), WANTED)
    assert handed.files == {GOOD: b"good"}
    assert handed.refused == {OTHER: "is packed in an unusual way"}


def test_names_that_are_no_utf_8_are_refused(tmp_path: Path) -> None:
    good = make_zip(tmp_path / "a.zip", ("01_hooks/\xe9t\xe9.py", b"1"), (GOOD, b"good")).read_bytes()
    utf8 = "été".encode()
    no_flag = bytearray(good.replace(utf8, b"\x82t\x82\x82t"))
    for at in (no_flag.index(b"PK\x03\x04") + 6, no_flag.index(b"PK\x01\x02") + 8):
        no_flag[at : at + 2] = struct.pack("<H", 0)
    (tmp_path / "b.zip").write_bytes(no_flag)
    handed = read_zip(tmp_path / "b.zip", WANTED)
    assert handed.files == {GOOD: b"good"}
    assert "not UTF-8" in handed.notes[0]
    (tmp_path / "c.zip").write_bytes(good.replace(utf8, b"\xff\xff\xff\xff\xff"))
    with pytest.raises(UnreadableError, match="cannot be read as a zip"):
        read_zip(tmp_path / "c.zip", WANTED)


def test_a_name_with_a_nul_is_no_answer(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", ("01_hooks/other.py#", b"bad"), (GOOD, b"good"))
    file.write_bytes(file.read_bytes().replace(b"other.py#", b"other.py\0"))
    handed = read_zip(file, WANTED)
    assert handed.files == {GOOD: b"good"}
    assert handed.notes == ["01_hooks/other.py\\x00: has a NUL in its name"]


def test_a_bomb_is_refused_without_being_unpacked(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", (OTHER, bytes(3 * 1024**2)), ("x.bin", bytes(9**7)), (GOOD, b"good"))
    handed = read_zip(file, WANTED)
    assert handed.files == {GOOD: b"good"}
    assert "a bomb" in handed.refused[OTHER]
    assert len(handed.notes) == 2


def test_a_file_that_says_to_hold_more_than_all_may_is_refused_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "UNPACKED_BYTES", 1000)
    handed = read_zip(make_zip(tmp_path / "a.zip", (OTHER, os.urandom(1001)), (GOOD, b"good")), WANTED)
    assert handed.files == {GOOD: b"good"}
    assert "a bomb" in handed.refused[OTHER]


def test_a_size_that_is_a_lie_does_not_fool_the_reader(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", (OTHER, bytes(3 * 1024**2)), (GOOD, b"good"))
    true, lie = struct.pack("<I", 3 * 1024**2), struct.pack("<I", 100)
    file.write_bytes(file.read_bytes().replace(true, lie))
    handed = read_zip(file, WANTED)
    assert handed.files == {GOOD: b"good"}
    assert "cannot be unpacked" in handed.refused[OTHER]


def test_an_answer_may_not_be_larger_than_the_limit(tmp_path: Path) -> None:
    content = os.urandom(unpacking.FILE_BYTES)
    file = make_zip(tmp_path / "a.zip", (GOOD, content), (OTHER, content + b"!"), packing=zipfile.ZIP_STORED)
    handed = read_zip(file, WANTED)
    assert handed.files == {GOOD: content}
    assert handed.refused == {OTHER: "has more than 256 kB"}


def test_an_answer_in_a_folder_may_not_be_larger_than_the_limit_either(tmp_path: Path) -> None:
    (tmp_path / "01_hooks").mkdir()
    (tmp_path / GOOD).write_bytes(bytes(unpacking.FILE_BYTES))
    (tmp_path / OTHER).write_bytes(bytes(unpacking.FILE_BYTES + 1))
    handed = read_folder(tmp_path, WANTED)
    assert handed.files == {GOOD: bytes(unpacking.FILE_BYTES)}
    assert handed.refused == {OTHER: "has 256 kB, more than 256 kB"}


def test_too_many_entries_too_much_in_all_and_too_large_a_zip_are_refused_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_zip(tmp_path / "a.zip", *((f"{n}.txt", bytes(100)) for n in range(20)), (GOOD, b"good"))
    for limit, value, message in (
        ("ENTRIES", 20, "21 entries, more than 20"),
        ("UNPACKED_BYTES", 1000, "would unpack to"),
        ("ZIP_BYTES", 100, "more than the"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(unpacking, limit, value)
            with pytest.raises(UnreadableError, match=message):
                read_zip(file, WANTED)
    assert read_zip(file, WANTED).files == {GOOD: b"good"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"no zip at all",
        lambda data: data[:-30],
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"PK\x01\x02", b"PK\x01\x03"),
    ],
    ids=["empty", "text", "no end", "half", "no directory"],
)
def test_what_is_no_zip_is_unreadable(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    file = make_zip(tmp_path / "a.zip", (GOOD, b"good"))
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(UnreadableError, match="cannot be read as a zip"):
        read_zip(file, WANTED)


def test_a_damaged_file_costs_only_itself(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", (OTHER, b"here"), (GOOD, b"good"), packing=zipfile.ZIP_STORED)
    file.write_bytes(file.read_bytes().replace(b"here", b"hers"))
    handed = read_zip(file, WANTED)
    assert handed.files == {GOOD: b"good"}
    assert "Bad CRC" in handed.refused[OTHER]


def test_a_folder_around_everything_is_looked_through(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", (f"answers/{GOOD}", b"good"), (f"__MACOSX/answers/{GOOD}", b"junk"))
    assert read_zip(file, WANTED).files == {GOOD: b"good"}


def test_a_folder_of_answers_is_not_taken_for_one_around_everything(tmp_path: Path) -> None:
    file = make_zip(tmp_path / "a.zip", (GOOD, b"good"), ("01_hooks/manifest.json", b"{}"))
    assert read_zip(file, {*WANTED, "manifest.json"}).files == {GOOD: b"good"}


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    bad = (("checks.py", b"bad"), ("tutorial_lib/__init__.py", b"bad"))
    assert read_zip(make_zip(tmp_path / "a.zip", *bad, (GOOD, b"good")), WANTED).files == {GOOD: b"good"}


@pytest.mark.skipif(os.name != "posix", reason="Windows lets only administrators make symbolic links")
def test_symbolic_links_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text("the other student's")
    (tmp_path / "work" / "01_hooks").mkdir(parents=True)
    (tmp_path / "work" / GOOD).write_bytes(b"good")
    (tmp_path / "work" / OTHER).symlink_to(secret)
    handed = read_folder(tmp_path / "work", WANTED)
    assert handed.files == {GOOD: b"good"}
    assert handed.refused == {OTHER: "other.py is a symbolic link"}
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "01_hooks").symlink_to(tmp_path / "work" / "01_hooks")
    handed = read_folder(tmp_path / "linked", WANTED)
    assert handed.files == {}
    assert handed.refused[GOOD] == "01_hooks is a symbolic link"
    (tmp_path / "root").symlink_to(tmp_path / "work")
    with pytest.raises(UnreadableError, match="symbolic link"):
        read_folder(tmp_path / "root", WANTED)


@pytest.mark.skipif(os.name != "posix", reason="Windows lets only administrators make symbolic links")
def test_a_link_that_takes_the_place_of_a_folder_between_two_looks_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "others").mkdir()
    (tmp_path / "others" / "good.py").write_text("the other student's")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "01_hooks").symlink_to(tmp_path / "others")
    lstat = os.lstat

    def at_first_no_link(path: object) -> os.stat_result:
        return os.stat(path) if isinstance(path, Path) else lstat(path)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "lstat", at_first_no_link)
    assert read_folder(tmp_path / "work", {GOOD}).refused == {GOOD: "is not in the folder"}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_in_the_place_of_an_answer_does_not_hang_the_reader(tmp_path: Path) -> None:
    (tmp_path / "01_hooks").mkdir()
    os.mkfifo(tmp_path / OTHER)
    (tmp_path / GOOD).mkdir()
    assert read_folder(tmp_path, WANTED).refused == dict.fromkeys(WANTED, "is no regular file")


def test_a_name_that_is_shown_is_plain_and_short() -> None:
    assert unpacking.shown("\x1b[2J\u202egpj") == "\\x1b[2J\\u202egpj"
    assert len(unpacking.shown("x" * 1000)) == 120
