"""What an answer may read: Python, the packages, and a copy of this one without anything that judges."""

import os
import shutil
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

PACKAGE = Path(__file__).resolve().parents[1]
_NAME = PACKAGE.name
# Shared libraries, what the loader and the clock read, and devices that only give or take bytes.
_SYSTEM = (
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
)
_CUDA = ("/proc", "/sys", "/usr/local/cuda")  # what its driver looks at besides its devices


def copy_library(to: Path) -> None:
    """Copy the package without its exercises: no solutions, wrong answers or checks.

    Args:
        to: a folder that does not exist yet; the copy is in its folder `tutorial_lib`.
    """
    shutil.copytree(PACKAGE, to / _NAME, ignore=_left_out)
    for folder, _, files in os.walk(to, topdown=False):
        for file in files:
            os.chmod(os.path.join(folder, file), 0o444)
        os.chmod(folder, 0o555)


def _left_out(folder: str, names: list[str]) -> list[str]:
    """The instructor's kit, and the folders of the exercises: all that lies beside their modules."""
    if Path(folder) == PACKAGE:
        return ["course"]
    if Path(folder) != PACKAGE / "exercises":
        return []
    return [name for name in names if not name.endswith(".py") and name != "__pycache__"]


@dataclass(frozen=True)
class Paths:
    """What of the file system an answer has, besides its own folder.

    Attributes:
        readable: files and folders to read and run, with all that is below them.
        listable: folders of which, and below which, only the names are to be seen.
        devices: files to read, write and control.
    """

    readable: tuple[str, ...]
    listable: tuple[str, ...]
    devices: tuple[str, ...]


def permitted_paths(copy: Path, hidden: Path, device: str) -> Paths:
    """What an answer may read.

    Every installed `tutorial_lib` is cut out: Landlock's rules are for a folder with all that is below it, so
    where one is to be left out its neighbours are named one by one.

    Args:
        copy: where `copy_library` put the package.
        hidden: where the judge's package is.
        device: where the models are; "cuda" needs more.
    """
    roots = [str(copy), *_SYSTEM, *_python_folders(), *_elsewhere(sys.modules.values())]
    if not device.startswith("cpu"):
        roots += _CUDA
    found = sorted({os.path.realpath(root) for root in roots if os.path.exists(root)})
    installed = [hidden, *(Path(root) / _NAME for root in _site_folders())]
    cut = {os.path.realpath(path) for path in installed if path.exists()}
    readable: list[str] = []
    listable: list[str] = []
    for root in found:
        _carve(root, cut, readable, listable)
    devices = ["/dev/null"]
    if not device.startswith("cpu"):
        devices += [str(path) for path in Path("/dev").glob("nvidia*")]
    return Paths(tuple(_without_nested(readable)), tuple(sorted(set(listable))), tuple(devices))


def needs_root_to_read(paths: Iterable[str]) -> str | None:
    """The first folder on the way to one of the paths that another user may not enter, or None."""
    for path in paths:
        for folder in (Path(path), *Path(path).parents):
            if folder.is_dir() and not folder.stat().st_mode & 0o001:
                return str(folder)
    return None


def _carve(root: str, hidden: set[str], readable: list[str], listable: list[str]) -> None:
    """Add a root, or where something hidden is below it, its parts but this one."""
    if any(root == path or root.startswith(path + os.sep) for path in hidden):
        return
    if not any(path.startswith(root.rstrip(os.sep) + os.sep) for path in hidden):
        readable.append(root)
        return
    listable.append(root)
    for entry in os.scandir(root):
        if not entry.is_symlink():  # what it points at is readable if that is permitted itself
            _carve(entry.path, hidden, readable, listable)


def _without_nested(paths: list[str]) -> list[str]:
    """The paths but those below another one."""
    kept: list[str] = []
    for path in sorted(set(paths)):
        if not kept or not path.startswith(kept[-1].rstrip(os.sep) + os.sep):
            kept.append(path)
    return kept


def _python_folders() -> Iterator[str]:
    paths = sysconfig.get_paths()
    yield from (paths["stdlib"], paths["platstdlib"])
    yield from (sys.executable, os.path.join(sys.prefix, "pyvenv.cfg"))
    yield os.path.join(sys.base_prefix, "lib") if sys.base_prefix != "/usr" else paths["stdlib"]
    yield from _site_folders()


def _site_folders() -> Iterator[str]:
    paths = sysconfig.get_paths()
    yield from (paths["purelib"], paths["platlib"])
    yield from site.getsitepackages()
    if site.ENABLE_USER_SITE:
        yield site.getusersitepackages()


def _elsewhere(modules: Iterable[ModuleType | None]) -> Iterator[str]:
    """The folders of loaded packages, which need not lie where packages are installed."""
    for module in list(modules):
        file = getattr(module, "__file__", None)
        if not file or module is None or "." in module.__name__ or module.__name__ in ("__main__", _NAME):
            continue
        yield str(Path(file).parent) if hasattr(module, "__path__") else file
