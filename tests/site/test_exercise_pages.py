"""The site's pages of the exercises are what the folders say."""

import shutil
from pathlib import Path

import pytest

from tests import ROOT
from tools.exercises import exercise_pages
from tools.pages.page import read_page
from tutorial_lib.exercises.catalog import find_exercises

KNOWN = find_exercises()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of what the tool writes."""
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    shutil.copytree(ROOT / "docs" / "exercises", tmp_path / "docs" / "exercises")
    return tmp_path / "docs"


def test_the_committed_pages_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    stale = exercise_pages.main(["--check"])
    assert not stale, capsys.readouterr().out


def test_a_page_that_was_edited_by_hand_is_stale_and_written_anew(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = next(iter(KNOWN))
    page = docs / "exercises" / f"{name}.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before + "more\n", encoding="utf-8")
    assert exercise_pages.main(["--check", "--docs", str(docs)]) == 1
    assert f"stale: docs/exercises/{name}.md" in capsys.readouterr().out
    assert exercise_pages.main(["--docs", str(docs)]) == 0
    assert page.read_text(encoding="utf-8") == before
    assert exercise_pages.main(["--check", "--docs", str(docs)]) == 0


def test_a_page_whose_exercise_is_gone_is_named_and_removed(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = docs / "exercises" / "01_hooks" / "gone.md"
    gone.write_text("# Gone\n", encoding="utf-8")
    assert exercise_pages.main(["--check", "--docs", str(docs)]) == 1
    assert "orphan: docs/exercises/01_hooks/gone.md has no exercise" in capsys.readouterr().out
    assert exercise_pages.main(["--docs", str(docs)]) == 0
    assert not gone.exists()


@pytest.mark.parametrize("name", KNOWN)
def test_a_page_runs_the_starter_and_the_solution_and_checks_it(name: str) -> None:
    exercise = KNOWN[name]
    blocks = read_page(ROOT / "docs" / "exercises" / f"{name}.md", ROOT).blocks
    code = [block.fence.body.strip() for block in blocks]
    assert exercise.starter.strip() in code
    assert exercise.solution.strip() in code
    assert f'exercise("{name}").check({exercise.answer})' in code[-1]
    assert blocks[-1].output is not None
    assert blocks[-1].output.body == "passed\n"


def test_the_overview_names_every_exercise_with_its_minutes() -> None:
    text = (ROOT / "docs" / "exercises" / "index.md").read_text(encoding="utf-8")
    for name, e in KNOWN.items():
        assert f"| [{e.title}]({name}.md) | {e.difficulty} | {e.minutes} | {e.points} |" in text


def test_the_hour_fits_into_an_hour_and_needs_nothing_else() -> None:
    chosen = exercise_pages._first_hour(KNOWN.values())
    assert chosen
    assert sum(e.minutes for e in chosen) <= 60
    for at, e in enumerate(chosen):
        assert set(e.prerequisites) <= {before.name for before in chosen[:at]}
