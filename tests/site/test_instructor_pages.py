"""What the instructors' pages say about exercises, commands and tests is so."""

import re
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from tests import ROOT
from tests.sandbox.isolation_answers import HOSTILE
from tutorial_lib.cli import app
from tutorial_lib.exercises.catalog import find_exercises

PAGES = sorted((ROOT / "docs" / "instructors").glob("*.md"))
KNOWN = find_exercises()
PLAN = (ROOT / "docs" / "instructors" / "course-plan.md").read_text(encoding="utf-8")
WORKFLOW = ROOT / "docs" / "instructors" / "grade-workflow.yml"


def rows(table: str) -> list[list[str]]:
    return [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("|")]


@pytest.mark.parametrize("row", [row for row in rows(PLAN) if "/" in row[2]], ids=lambda row: row[0])
def test_the_minutes_of_a_plan_are_those_of_its_exercises(row: list[str]) -> None:
    names = re.findall(r"`([^`]+)`", row[2])
    assert sum(KNOWN[name].minutes for name in names) == int(row[3])


def test_the_plan_of_four_weeks_has_every_exercise_once_and_after_what_it_needs() -> None:
    names = re.findall(r"`(\d\d_[^`]+)`", PLAN.partition("## Four weeks")[2])
    assert sorted(names) == sorted(KNOWN)
    weeks = [re.findall(r"`([^`]+)`", row[2]) for row in rows(PLAN) if row[0].startswith("Week")]
    week = {name: n for n, members in enumerate(weeks) for name in members}
    assert all(week[before] <= week[name] for name in KNOWN for before in KNOWN[name].prerequisites)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_on_a_page_exists_with_its_options(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = re.findall(r"^\s*(?:.*\s)?hooking ((?:[a-z]+ )+.*)$|`hooking ([^`]+)`", text, flags=re.MULTILINE)
    for line in (" ".join(found).split() for found in lines):
        command = get_command(app)
        words = [word for word in line if not word.startswith("(")]
        while words and isinstance(command, typer.core.TyperGroup):
            assert words[0] in command.commands, f"{page.name}: hooking {' '.join(line)}"
            command = command.commands[words.pop(0)]
        known = {name for parameter in command.params for name in parameter.opts + parameter.secondary_opts}
        used = {word.rstrip(",.") for word in words if word.startswith("--")}
        assert used <= known, f"{page.name}: hooking {' '.join(line)}"


def test_the_table_of_attacks_names_tests_that_there_are() -> None:
    page = (ROOT / "docs" / "instructors" / "security.md").read_text(encoding="utf-8")
    table = page.partition("## Attack by attack")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)`", "".join(row[1] for row in rows(table))))
    assert named
    assert named <= {hostile.name for hostile in HOSTILE}


def test_the_workflow_on_the_page_is_the_one_to_copy() -> None:
    page = (ROOT / "docs" / "instructors" / "grading.md").read_text(encoding="utf-8")
    assert f"```yaml\n{WORKFLOW.read_text(encoding='utf-8')}```" in page
