"""Make a sample class: a bundle, and what its twelve students handed in.

    python -m tools.exercises.sample_class demo
    hooking grade demo/submissions --bundle demo/bundle --out demo/grades

The students are made up. Some are right, some have misconceptions, some handed in what must not be graded or
must not even be read. The exercises and answers are in `tests/data/sample_class/`; the same folder comes out
each time.
"""

import argparse
import hashlib
import json
import shutil
import stat
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools import ROOT
from tutorial_lib.course.bundle import Bundle, read_bundle
from tutorial_lib.course.variants import seal, variants
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.workspace.workspace import HIDDEN

DATA = ROOT / "tests" / "data" / "sample_class"
PRINT, DOUBLE, STREAM = "01_hooks/print_a_shape", "90_own/double_it", "90_own/stream_into_block"
MORNING, EVENING = "2026-03-01T09:00:00Z", "2026-03-01T20:00:00Z"


def make(folder: Path) -> Bundle:
    """Make the class.

    Args:
        folder: must not exist; gets `bundle/` and `submissions/`.
    """
    if folder.exists():
        raise SystemExit(f"{folder} is there already: name another folder, or remove it")
    shutil.copytree(DATA / "bundle", folder / "bundle", ignore=shutil.ignore_patterns("__pycache__"))
    secret = folder / "bundle" / "secret"
    # A real course's secret is random; this one is known to everybody, so that the sample is always the same.
    secret.write_text(hashlib.sha256(b"the sample class").hexdigest() + "\n", encoding="ascii")
    secret.chmod(0o600)
    bundle = read_bundle(folder / "bundle")
    (folder / "submissions").mkdir()
    _honest(bundle, folder / "submissions")
    _hostile(bundle, folder / "submissions")
    return bundle


def _honest(bundle: Bundle, out: Path) -> None:
    right = _solutions(bundle)
    _zip(out / "ada.zip", bundle, "ada", right)
    # Wrong in a way that is another one each time, unless the judges take care.
    noise = {STREAM: _answer("noise")}
    _zip(out / "alan.zip", bundle, "alan", {**right, **_wrong(bundle, PRINT, "prints_the_tuple"), **noise})
    joan = {name: exercise.starter for name, exercise in bundle.exercises.items()}
    _zip(out / "joan.zip", bundle, "joan", joan)
    katherine = {**_wrong(bundle, PRINT, "returns_no_handle"), **_wrong(bundle, STREAM, "first_block")}
    _zip(out / "katherine.zip", bundle, "katherine", {**katherine, DOUBLE: ""})
    # As Canvas names it. One answer is no Python, one crashes, one was forgotten.
    margaret = {PRINT: "def print_shape(block)\n", DOUBLE: _answer("crash")}
    _zip(out / "hamiltonmargaret_1011_777_work.zip", bundle, "margaret", margaret)
    # Passes what the student can check, but leaves its hook on the model.
    _zip(out / "radia.zip", bundle, "radia", {**right, STREAM: _answer("hook_left_on")})
    # Handed in twice; the later one counts.
    _zip(out / "hedy-2.zip", bundle, "hedy", right, time=EVENING)
    _zip(out / "hedy-1.zip", bundle, "hedy", {**right, **_wrong(bundle, DOUBLE, "in_place")})
    # A folder from Windows without a manifest, known by its name.
    for name, text in right.items():
        _put(out / "edsger@example.org" / f"{name}.py", b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    _checkout(bundle, out / "grace-hopper", "grace", {**right, PRINT: bundle.exercises[PRINT].starter})
    _put(out / "notes.txt", b"Katherine will hand in late.\n")


def _hostile(bundle: Bundle, out: Path) -> None:
    right = _solutions(bundle)
    # Prints the report that it would like to have, and ends before the checks.
    _zip(out / "barbara.zip", bundle, "barbara", {**right, STREAM: _answer("forged_report")})
    # Says to be another student's.
    _zip(out / "barbara_again.zip", bundle, "grace", dict.fromkeys(right, ""), sealed=False)
    ways_out = [
        _entry("../ada/90_own/double_it.py"),
        _entry("/01_hooks/print_a_shape.py"),
        _entry("C:\\90_own\\double_it.py"),
    ]
    _zip(out / "donald.zip", bundle, "donald", right, more=[(entry, b"never read\n") for entry in ways_out])
    link = _entry(f"{DOUBLE}.py", kind=stat.S_IFLNK)
    dennis = [
        (link, b"../../bundle/secret"),
        (_entry(f"{PRINT}.py"), right[PRINT].encode()),
        (_entry("90_own/large.py"), bytes(8 * 1024**2)),
    ]
    _zip(out / "dennis.zip", bundle, "dennis", {PRINT: right[PRINT], STREAM: right[STREAM]}, more=dennis)
    _put(out / "broken.zip", b"PK\x03\x04 and no more")


def _solutions(bundle: Bundle) -> dict[str, str]:
    return {name: exercise.solution for name, exercise in bundle.exercises.items()}


def _wrong(bundle: Bundle, name: str, misconception: str) -> dict[str, str]:
    exercise: Exercise = bundle.exercises[name]
    return {name: next(wrong.source for wrong in exercise.wrong if wrong.name == misconception)}


def _answer(name: str) -> str:
    return (DATA / "answers" / f"{name}.py").read_text(encoding="utf-8")


def _checkout(bundle: Bundle, folder: Path, student: str, answers: Mapping[str, str]) -> None:
    """A student's folder as a git checkout, with a setting that runs a program whenever git is run in it."""
    for name, text in answers.items():
        _put(folder / f"{name}.py", text.encode())
    facts = {
        "course": bundle.name,
        "student": student,
        "variants": variants(bundle.secret, student, bundle.exercises),
        "seal": seal(bundle.secret, student),
    }
    _put(folder / HIDDEN / "course.json", json.dumps(facts).encode())
    _put(folder / ".git" / "HEAD", b"ref: refs/heads/main\n")
    _put(folder / ".git" / "config", b"[core]\n\tfsmonitor = touch git-has-run\n")


def _zip(
    file: Path,
    bundle: Bundle,
    student: str,
    answers: Mapping[str, str],
    *,
    time: str = MORNING,
    sealed: bool = True,
    more: Sequence[tuple[zipfile.ZipInfo, bytes]] = (),
) -> None:
    """A zip as `hooking submit` makes it, and entries that it would not make."""
    contents = {f"{name}.py": text.encode() for name, text in answers.items()}
    manifest: dict[str, Any] = {
        "format": 1,
        "course": bundle.name,
        "student": student,
        "seal": seal(bundle.secret, student) if sealed else None,
        "time": time,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that a name is there twice: it is meant to be
        archive.writestr(_entry("manifest.json"), json.dumps(manifest, indent=2))
        for name, content in contents.items():
            archive.writestr(_entry(name), content)
        for entry, content in more:
            archive.writestr(entry, content)


def _entry(name: str, *, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=(2026, 3, 1, 9, 0, 0))
    entry.external_attr = (kind | 0o644) << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _put(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="to make; it must not exist")
    make(parser.parse_args().folder)
