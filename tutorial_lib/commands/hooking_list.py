"""`hooking list`: what there is to do, what is done, and what comes next."""

import json
from itertools import groupby
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tutorial_lib.commands.terminal import Directory, console, notes_of, open_workspace, refusing, say
from tutorial_lib.workspace.workspace import CHANGED, DONE, STARTED, TO_DO, Workspace

STYLES = {TO_DO: "dim", STARTED: "yellow", DONE: "green", CHANGED: "green"}
WORDS = {CHANGED: "done, changed"}
GAP = 2
HEADS = ("", "exercise", "state", "points", "min", "", "title")


def list_command(
    directory: Directory = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the exercises: how far you are, points, minutes, difficulty. An arrow marks the next one.

    Exit code 0: all is well. 2: there are no exercises here.
    """
    with refusing():
        workspace = open_workspace(directory)
        found = as_values(workspace)
        notes_of(workspace)
        if as_json:
            typer.echo(json.dumps(found, indent=2))
        else:
            _print(found)


def as_values(workspace: Workspace) -> dict[str, Any]:
    """What there is to know about a student's work, as plain values."""
    coming = workspace.next()
    rows = [
        {
            "name": name,
            "title": exercise.title,
            "state": workspace.state(name),
            "points": exercise.points,
            "minutes": exercise.minutes,
            "difficulty": exercise.difficulty,
            "chapter": exercise.chapter,
            "prerequisites": list(exercise.prerequisites),
            "file": str(workspace.answer_path(name)),
            "task": str(workspace.task_path(name)),
            "hints": len(exercise.hints),
            "hints_seen": workspace.progress[name].hints,
            "checks": workspace.progress[name].checks,
        }
        for name, exercise in workspace.exercises.items()
    ]
    course = workspace.course
    return {
        "folder": str(workspace.folder),
        "course": course.course,
        "student": course.student,
        "next": coming.name if coming else None,
        "exercises": rows,
    }


def _print(found: dict[str, Any]) -> None:
    rows = found["exercises"]
    if found["course"]:
        say(found["course"] + (f", {found['student']}" if found["student"] else ""), style="bold")
    console().print(_table(rows, found["next"], console().width))
    done = [row for row in rows if row["state"] in (DONE, CHANGED)]
    left = sum(row["minutes"] for row in rows if row not in done)
    points, of = (sum(row["points"] for row in some) for some in (done, rows))
    rest = f", about {left} minutes left" if left else ""
    say(f"\n{len(done)} of {len(rows)} done, {points} of {of} points{rest}")
    if found["next"]:
        say(f"next: {found['next']}, `hooking check` checks it")


def _table(rows: list[dict[str, Any]], following: str | None, width: int) -> Table:
    """One line an exercise: where the terminal is narrow, the title is cut, and nothing is wrapped."""
    lines: list[tuple[Text, ...]] = [tuple(Text(head) for head in HEADS)]
    for topic, members in groupby(rows, lambda row: str(row["name"].partition("/")[0])):
        lines.append((Text(), Text(topic, style="bold")))
        for row in members:
            mark = ">" if row["name"] == following else ""
            slug = Text("  " + row["name"].partition("/")[2], style="bold" if mark else "")
            state = Text(WORDS.get(row["state"], row["state"]), style=STYLES[row["state"]])
            facts = (Text(str(row[name])) for name in ("points", "minutes", "difficulty", "title"))
            lines.append((Text(mark, style="bold"), slug, state, *facts))
    fixed = len(HEADS) - 1
    taken = sum(GAP + max(len(line[n]) for line in lines if n < len(line)) for n in range(fixed))
    table = Table(box=None, padding=(0, GAP, 0, 0), header_style="dim")
    for head in HEADS:
        table.add_column(head, no_wrap=True, justify="right" if head in ("points", "min") else "left")
    for line in lines[1:]:
        if len(line) > fixed:
            line[fixed].truncate(max(width - taken - GAP, 10), overflow="ellipsis")
        table.add_row(*line)
    return table
