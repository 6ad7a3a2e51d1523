"""The cell that installs the package in a notebook: what it asks pip for, and with a real pip."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest

from tests import ROOT
from tools.notebooks import install_cell

NOTEBOOK = ROOT / "docs" / "notebooks" / "1-hook-basics.ipynb"


def code(notebook: str) -> str:
    """The cell that installs, of the text of a notebook."""
    cells = [c for c in nbformat.reads(notebook, 4).cells if install_cell.TAG in c.metadata.get("tags", [])]
    (cell,) = cells
    return str(cell.source)


def asked_of_pip(folder: Path, source: str, *, torch: str = "") -> str:
    """What the cell would have pip install where the package is not there, with this torch or none."""
    stub = (
        "import importlib.metadata, importlib.util, subprocess\n"
        f"importlib.util.find_spec = lambda name: name == 'torch' and {torch!r} or None\n"
        f"importlib.metadata.version = lambda name: {torch!r}\n"
        "subprocess.run = lambda command, check: print(*command[3:], sep='|')\n"
    )
    ran = subprocess.run([sys.executable, "-c", stub + source], cwd=folder, capture_output=True, text=True)
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]


def test_a_committed_notebook_installs_from_the_clone_that_it_lies_in() -> None:
    assert asked_of_pip(NOTEBOOK.parent, code(NOTEBOOK.read_text())) == "install|--quiet|../..[pages]"


def test_the_torch_that_is_there_stays() -> None:
    asked = asked_of_pip(NOTEBOOK.parent, code(NOTEBOOK.read_text()), torch="2.9.0+cu128")
    assert asked == "install|--quiet|../..[pages]|torch==2.9.0+cu128"


def test_a_notebook_of_the_site_installs_from_the_address_of_the_repository(tmp_path: Path) -> None:
    text = install_cell.with_address(NOTEBOOK.read_text(), "https://example.org/owner/name/", "v1")
    wanted = "install|--quiet|hf-hooking-tutorial[pages] @ git+https://example.org/owner/name@v1"
    assert asked_of_pip(tmp_path, code(text)) == wanted


def test_a_notebook_without_clone_and_address_says_which_variable_to_set(tmp_path: Path) -> None:
    assert "no clone in '../..': set TUTORIAL_LIB" in asked_of_pip(tmp_path, code(NOTEBOOK.read_text()))


def test_no_committed_notebook_names_an_address() -> None:
    for path in (ROOT / "docs").rglob("*.ipynb"):
        assert install_cell.CLONE.search(path.read_text()), path


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel of the package, built without a network: `make setup` has left what this needs."""
    command = [
        sys.executable,
        "-m",
        "uv",
        "build",
        "--wheel",
        "--offline",
        "--quiet",
        "--out-dir",
        str(tmp_path),
    ]
    built = subprocess.run([*command, str(ROOT)], capture_output=True, text=True)
    if built.returncode:
        pytest.skip(f"no wheel can be built offline here: {built.stderr.strip().splitlines()[-1]}")
    (path,) = tmp_path.glob("*.whl")
    return path


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python of its own that has all packages of this one but ours, as Colab has many."""
    others = tmp_path / "others"
    others.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "hf_hooking_tutorial" not in entry.name:
            (others / entry.name).symlink_to(entry)
    made = tmp_path / "env"
    venv.create(made, symlinks=True)
    python = made / ("Scripts" if os.name == "nt" else "bin") / "python"
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    own = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    Path(own, "others.pth").write_text(f"{others}\n")
    return python


@pytest.mark.slow
def test_the_cell_installs_the_package_where_it_is_missing(tmp_path: Path, wheel: Path, python: Path) -> None:
    text = NOTEBOOK.read_text().replace('= \\"../..\\"', f'= \\"{wheel.as_uri()}\\"')
    show = "import tutorial_lib, torch; print(json.dumps([tutorial_lib.__file__, torch.__version__]))"
    missing = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(source: str) -> subprocess.CompletedProcess[str]:
        # Nothing else is to be installed: pip may not look anywhere.
        environment = {**missing, "PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        command = [str(python), "-c", source]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    assert "No module named 'tutorial_lib'" in run(f"import json; {show}").stderr
    installed = run(f"{code(text)}\nimport json; {show}")
    assert installed.returncode == 0, installed.stderr
    file, torch = json.loads(installed.stdout.splitlines()[-1])
    assert Path(file).is_relative_to(tmp_path / "env")
    assert torch.partition("+")[0] == version("torch").partition("+")[0]  # the build may be said or not
    again = run(f"import subprocess; subprocess.run = None\n{code(text)}")  # it is there: pip is not called
    assert again.returncode == 0, again.stderr
