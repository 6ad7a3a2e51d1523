"""`hooking start` writes the exercises; `hooking reset` brings the starter of one back."""

from pathlib import Path
from typing import Annotated

import typer

from tutorial_lib.commands.terminal import Directory, open_workspace, refusing, say, shown_path, split_names
from tutorial_lib.workspace.filling import Filled, fill
from tutorial_lib.workspace.workspace import Workspace


def start_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder to write into; it is made if it is missing.")
    ],
    exercises: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these: names or topics, with commas or the option again; `all` for all. "
            "Default: all, or those that were chosen before.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Write the exercises into a folder: for each a task, a file to fill in, and a README for all.

    Run it again after an upgrade: new exercises are added. What you wrote is never overwritten.

    Exit code 0: all is well. 2: the folder cannot be used, or there is no such exercise.
    """
    with refusing():
        names = None
        if exercises is not None:
            names = split_names(",".join(exercises))
        filled = fill(folder, names)
        _print(Workspace(folder), filled)


def reset_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The exercise, by name or by file.")],
    directory: Directory = None,
) -> None:
    """Bring the starter of an exercise back. Your file is kept, and the command says where.

    Exit code 0: all is well. 2: there is no such exercise.
    """
    with refusing():
        workspace = open_workspace(directory)
        exercise = workspace.exercise(name)
        path = workspace.answer_path(exercise.name)
        there = path.is_file()
        kept = workspace.reset(exercise.name)
        if kept is not None:
            say(f"{shown_path(path)} is the starter again; your file is kept as {shown_path(kept)}")
            say(f"{exercise.name} is to do again.")
        elif there:
            say(f"{shown_path(path)} is the starter still: there is nothing to keep")
        else:
            say(f"{shown_path(path)} was not there; the starter is written")


def _print(workspace: Workspace, filled: Filled) -> None:
    folder = shown_path(workspace.folder)
    for what, paths in (
        ("written", filled.written),
        ("updated, you had not changed them", filled.updated),
        ("kept as they are, since they are yours", filled.kept),
    ):
        if paths:
            shown = ", ".join(paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")
            say(f"{what}: {shown}")
    if not filled.written and not filled.updated:
        say("nothing to add")
    say(f"{len(workspace.exercises)} exercises in {folder}")
    if folder != ".":
        quoted = f'"{folder}"' if " " in folder else folder
        say(f"  cd {quoted}")
    say("  hooking list            what there is, and what comes next")
    say("  hooking check --watch   checks the next exercise each time that you save it")
