"""Build the wheel and the sdist, install the wheel in an empty environment, and use it as somebody would.

    python -m tools.release.try_wheel --dist dist

Nothing of this repository is on the path of what is tried: it runs in a folder of its own, with the
packages that pip finds today. Loads the model in the box, runs the command, and the code of a chapter.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools import ROOT

CHAPTER = ROOT / "docs" / "notebooks" / "1-hook-basics.ipynb"
LOAD = """\
import tutorial_lib
from pathlib import Path
assert Path({root!r}) not in Path(tutorial_lib.__file__).parents, tutorial_lib.__file__
model, tokenizer = tutorial_lib.load_model()
ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
print(tokenizer.decode(model(ids).logits[0, -1].argmax()))
"""
COMMANDS = (
    ("--help",),
    ("map",),
    ("start", "exercises"),
    ("list", "--dir", "exercises"),
    ("collect", "--data", "texts.jsonl", "--layers", "2", "--out", "activations", "--quiet"),
)


def build(dist: Path) -> tuple[Path, Path]:
    """Make wheel and sdist in an empty folder, and see that neither lacks what the package needs.

    Returns:
        The wheel and the sdist.
    """
    if dist.exists() and any(dist.iterdir()):
        sys.exit(f"error: {dist} is not empty; name a new folder, or remove it")
    _run([sys.executable, "-m", "uv", "build", "--quiet", "--out-dir", str(dist), str(ROOT)], ROOT)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    package = _tracked("tutorial_lib")
    for name, missing in (("wheel", package - in_wheel), ("sdist", package - in_sdist)):
        if missing:
            sys.exit(f"error: the {name} lacks {sorted(missing)[:5]} ({len(missing)} files)")
    if extra := sorted(name for name in in_wheel if name.startswith(("tests/", "docs/", "tools/"))):
        sys.exit(f"error: the wheel has {extra[:5]}, which are not of the package")
    return wheel, sdist


def try_out(wheel: Path, torch: Sequence[str], folder: Path) -> None:
    """Install the wheel in an environment in `folder`, and use it there."""
    _say("making an empty environment")
    venv.create(folder / "env", with_pip=True)
    binaries = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    python = str(binaries / "python")
    _run([python, "-m", "pip", "install", "--quiet", *torch], folder)
    _run([python, "-m", "pip", "install", "--quiet", f"{wheel.resolve()}[pages]"], folder)

    _say("loading the model")
    found = _run([python, "-c", LOAD.format(root=str(ROOT))], folder)
    if found.strip() != "Paris":
        sys.exit(f"error: the model in the box answers {found!r}, not 'Paris'")
    (folder / "texts.jsonl").write_text('{"text": "The capital of France is Paris."}\n' * 3)
    for arguments in COMMANDS:
        _say(f"hooking {' '.join(arguments)}")
        _run([str(binaries / "hooking"), *arguments], folder)

    _say(f"the code of {CHAPTER.name}")
    cells = json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]
    runnable = [
        cell for cell in cells if cell["cell_type"] == "code" and "raises-exception" not in _tags(cell)
    ]
    (folder / "chapter.py").write_text("\n\n".join("".join(cell["source"]) for cell in runnable))
    printed = _run([python, "chapter.py"], folder).splitlines()
    first = next(
        cell for cell in runnable if cell["outputs"]
    )  # the cell before it installs, and shows nothing
    wanted = "".join(first["outputs"][0]["text"]).splitlines()
    if printed[: len(wanted)] != wanted:
        sys.exit(f"error: the chapter prints first {printed[: len(wanted)]}, not {wanted}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--dist", type=Path, default=ROOT / "dist", help="where wheel and sdist go (dist)")
    parser.add_argument("--torch", default="torch", help="what pip installs PyTorch by (torch)")
    options = parser.parse_args(arguments)
    wheel, sdist = build(options.dist)
    with tempfile.TemporaryDirectory() as name:
        try_out(wheel, options.torch.split(), Path(name))
    for path in (wheel, sdist):
        print(f"{path.name}: {path.stat().st_size / 2**20:.1f} MiB")


def _tags(cell: dict[str, dict[str, list[str]]]) -> list[str]:
    return cell["metadata"].get("tags", [])


def _tracked(folder: str) -> set[str]:
    git = shutil.which("git") or sys.exit("error: git is needed, to know which files are of the package")
    return set(_run([git, "ls-files", folder], ROOT).split("\n")) - {""}


def _say(what: str) -> None:
    print(f"{what} ...", file=sys.stderr, flush=True)


def _run(command: Sequence[str], folder: Path) -> str:
    """What a command prints. It sees no modules of this repository; when it fails, so does the trial."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        command, cwd=folder, env=environment, text=True, capture_output=True, encoding="utf-8"
    )
    if ran.returncode:
        sys.exit(f"error: {' '.join(command)} ended with {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


if __name__ == "__main__":
    main()
