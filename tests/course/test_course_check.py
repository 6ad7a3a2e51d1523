"""`hooking course check` finds what is wrong with an instructor's own exercises."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tools.exercises.sample_class import make
from tutorial_lib.cli import app

OWN = "exercises/90_own/double_it"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    make(tmp_path / "class")
    return tmp_path / "class" / "bundle"


def check(bundle: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["course", "check", str(bundle), *options])
    return done.exit_code, done.output


def test_a_fit_bundle_is_fit(bundle: Path) -> None:
    code, text = check(bundle)
    assert code == 0, text
    assert text.splitlines() == ["90_own/double_it: fit", "90_own/stream_into_block: fit"]


def rename(bundle: Path) -> None:
    folder = bundle / OWN / "wrong"
    (folder / "adds_two.py").rename(folder / "adds_three.py")


def pass_everything(bundle: Path) -> None:
    for name in ("wrong/adds_two.py", "wrong/in_place.py", "wrong/no_tensor.py"):
        shutil.copy(bundle / OWN / "solution.py", bundle / OWN / name)


def spoil_the_starter(bundle: Path) -> None:
    shutil.copy(bundle / OWN / "solution.py", bundle / OWN / "starter.py")
    (bundle / OWN / "solution.py").write_text("def double(x):\n    return x\n")


def spoil_the_hidden_checks(bundle: Path) -> None:
    file = bundle / "hidden/90_own/double_it/checks.py"
    file.write_text(
        file.read_text() + "\n\n@check('never')\ndef never(case, seen):\n    raise Wrong('no', 'no')\n"
    )


def lose_the_checks(bundle: Path) -> None:
    (bundle / "hidden/90_own/double_it/checks.py").write_text("")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (rename, "wrong/adds_three.py is taken for 'adds_two' on box"),
        (pass_everything, "wrong/adds_two.py passes on gpt2"),
        (spoil_the_starter, "its solution does not pass"),
        (spoil_the_hidden_checks, "its solution does not pass the hidden checks"),
        (lose_the_checks, "No check has run"),
        (lambda bundle: (bundle / OWN / "hints.md").unlink(), "its folder lacks hints.md"),
        (lambda bundle: (bundle / OWN / "wrong/in_place.py").unlink(), "it has 2 wrong answers"),
    ],
    ids=["another name", "passes", "solution", "hidden", "no checks", "a file is missing", "too few"],
)
def test_what_is_not_fit_is_told(bundle: Path, spoil: Callable[[Path], object], says: str) -> None:
    spoil(bundle)
    code, text = check(bundle, "--exercises", "double_it")
    assert code == 1
    assert "90_own/double_it: NOT fit" in text
    assert says in text
