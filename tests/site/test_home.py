"""The home page's doors and path say what the pages say, and each chapter says how long it takes."""

import re
import shutil
from pathlib import Path

import pytest

from tests import ROOT
from tools.pictures import home
from tutorial_lib.exercises.catalog import find_exercises

DOCS = ROOT / "docs"
CHAPTERS = sorted((DOCS / "chapters").rglob("*.md"))
PAGES = [page for page in CHAPTERS if page.name != "index.md"]
KNOWN = find_exercises()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of the pages that the tool reads."""
    shutil.copytree(DOCS / "chapters", tmp_path / "docs" / "chapters")
    shutil.copy(DOCS / "index.md", tmp_path / "docs")
    return tmp_path / "docs"


def test_the_committed_home_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert home.main(["--check"]) == 0, capsys.readouterr().out


def test_other_minutes_on_a_page_make_the_home_page_stale(docs: Path) -> None:
    arguments = ["--docs", str(docs)]
    assert home.main([*arguments, "--check"]) == 0
    page = docs / "chapters/1-hook-basics.md"
    page.write_text(page.read_text(encoding="utf-8").replace("**Time** 25", "**Time** 26"), encoding="utf-8")
    assert home.main([*arguments, "--check"]) == 1
    assert home.main(arguments) == 0
    text = (docs / "index.md").read_text(encoding="utf-8")
    assert "[1 Hook basics](chapters/1-hook-basics.md), 26 min" in text
    assert "**A path for an afternoon**, 2 h 56 min" in text


def test_a_page_of_the_path_without_its_minutes_is_named(docs: Path) -> None:
    page = docs / "chapters/1-hook-basics.md"
    page.write_text(page.read_text(encoding="utf-8").replace("**Time**", "**Duration**"), encoding="utf-8")
    with pytest.raises(ValueError, match=r"docs/chapters/1-hook-basics\.md does not say"):
        home.part(docs, KNOWN)


def test_the_path_does_no_exercise_before_what_it_needs() -> None:
    done: set[str] = set()
    for _, exercise in home.PATH.values():
        assert set(KNOWN[exercise].prerequisites) <= done
        done.add(exercise)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_chapter_says_at_its_top_how_long_it_takes(page: Path) -> None:
    top = "\n".join(page.read_text(encoding="utf-8").split("\n")[:20])
    found = home.TIME.search(top)
    assert found, f"{page.name} has no line **Time** N minutes."
    assert 5 <= int(found[1]) <= 60


def test_the_overviews_say_of_their_pages_what_these_say() -> None:
    examples = [home.minutes_of(page) for page in PAGES if page.parent.name == "5-examples"]
    overview = (DOCS / "chapters/5-examples/index.md").read_text(encoding="utf-8")
    assert f"**Time** {min(examples)} to {max(examples)} minutes a page." in overview
    pitfalls = [home.minutes_of(page) for page in PAGES if page.parent.name == "7-pitfalls"]
    overview = (DOCS / "chapters/7-pitfalls/index.md").read_text(encoding="utf-8")
    assert re.search(r"\*\*Time\*\* .*, about two hours to walk through all of it", overview)
    assert 90 <= sum(pitfalls) <= 150


@pytest.mark.parametrize(("minutes", "words"), [(5, "5 min"), (60, "1 h"), (175, "2 h 55 min")])
def test_minutes_are_written_as_hours_and_minutes(minutes: int, words: str) -> None:
    assert home.in_words(minutes) == words
