"""`hooking list`: what there is to do, what is done, and what comes next."""

import json
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tutorial_lib.commands.common import Directory, console, notes_of, open_workspace, refusing, say
from tutorial_lib.exercises.workspace import CHANGED, DONE, STARTED, TO_DO, Workspace

STYLES = {TO_DO: "dim", STARTED: "yellow", DONE: "green", CHANGED: "green"}
WORDS = {CHANGED: "done, changed"}


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
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title, options in (
        ("", {}),
        ("exercise", {"no_wrap": True}),
        ("state", {"no_wrap": True}),
        ("points", {"justify": "right"}),
        ("min", {"justify": "right"}),
        ("", {"no_wrap": True}),
        ("title", {"no_wrap": True, "overflow": "ellipsis"}),
    ):
        table.add_column(title, **options)
    topic = ""
    for row in rows:
        if row["name"].partition("/")[0] != topic:
            topic = row["name"].partition("/")[0]
            table.add_row("", Text(topic, style="bold"))
        state = Text(WORDS.get(row["state"], row["state"]), style=STYLES[row["state"]])
        mark = Text(">", style="bold") if row["name"] == found["next"] else ""
        slug = Text("  " + row["name"].partition("/")[2], style="bold" if mark else "")
        numbers = (str(row["points"]), str(row["minutes"]))
        table.add_row(mark, slug, state, *numbers, Text(row["difficulty"]), Text(row["title"]))
    console().print(table)
    done = [row for row in rows if row["state"] in (DONE, CHANGED)]
    left = sum(row["minutes"] for row in rows if row not in done)
    points, of = (sum(row["points"] for row in some) for some in (done, rows))
    say(f"{len(done)} of {len(rows)} done, {points} of {of} points, about {left} minutes left")
    if found["next"]:
        say(f"next: {found['next']}, `hooking check` checks it")
