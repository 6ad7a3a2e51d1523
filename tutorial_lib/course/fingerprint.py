"""By what a grade is the same again: hashes of the checks and of what runs them, and the versions."""

import functools
import hashlib
import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import tutorial_lib
from tutorial_lib.course.sources import sources_of
from tutorial_lib.exercises.catalog import Exercise

_ROOT = Path(tutorial_lib.__file__).parent
# A grade depends on what judges, on what runs the answer and builds its models, on the sandbox around it, on
# what checks and answers may import.
_GRADE = (
    "tutorial_lib.course.judge_process",
    "tutorial_lib.sandbox.zygote",
    "tutorial_lib.sandbox.spawned",
    "tutorial_lib.exercises.notes",
    "tutorial_lib.exercises.seen",
    "tutorial_lib._api",
    "tutorial_lib.tiny_model.skills",
)


def versions() -> dict[str, str]:
    """Of everything that a result may depend on; `source` is the hash of the code that a grade depends on."""
    return {
        "python": platform.python_version(),
        "torch": _version("torch"),
        "transformers": _version("transformers"),
        "tutorial_lib": tutorial_lib.__version__,
        "source": _source(),
    }


def checks_hash(exercise: Exercise) -> str:
    """sha256 of what judges an exercise's answers: checks, observation, starter, names of the models."""
    files = [exercise.folder / name for name in ("checks.py", "observe.py", "starter.py", "exercise.toml")]
    return _hash(files, exercise.folder)


def hidden_hash(folder: Path | None) -> str | None:
    """sha256 of the Python files of a folder of hidden checks; None where there is none."""
    return None if folder is None else _hash(sorted(folder.rglob("*.py")), folder)


@functools.lru_cache(maxsize=1)
def _source() -> str:
    return _hash(sources_of(_GRADE, _ROOT.parent), _ROOT)


def _hash(files: Iterable[Path], root: Path) -> str:
    whole = hashlib.sha256()
    for file in files:
        # Lines end differently on another system's checkout, and mean the same.
        content = file.read_bytes().replace(b"\r\n", b"\n")
        whole.update(f"{file.relative_to(root).as_posix()} {hashlib.sha256(content).hexdigest()}\n".encode())
    return whole.hexdigest()


def _version(package: str) -> str:
    # Asked of the installation, since importing torch takes seconds.
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
