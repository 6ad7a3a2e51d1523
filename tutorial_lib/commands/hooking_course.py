"""`hooking course`: make an instructor's bundle, and check receipts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from tutorial_lib.commands.terminal import counted, refusing, split_names

SEEDS = (1, 2, 3)  # with which an exercise is checked: each has other layers and inputs

course_app = typer.Typer(no_args_is_help=True, help="For instructors: a course's private folder.")


@course_app.command("new")
@refusing()
def new_command(
    folder: Annotated[Path, typer.Argument(help="To make; it must not exist or be empty.")],
    exercises: Annotated[
        str, typer.Option(help="Names, parted by commas. Default: all.", show_default=False)
    ] = "",
    name: Annotated[
        str, typer.Option(help="Of the course. Default: the folder's name.", show_default=False)
    ] = "",
) -> None:
    """Make a bundle: course.toml, a secret, an empty roster, places for hidden checks and own exercises.

    Keep it to yourself: who has the secret can forge receipts, and who has hidden/ knows the hidden checks.

    Exit code 0: all is well. 2: the folder is not empty, or there is no such exercise.
    """
    from tutorial_lib.course.bundle import new_bundle
    from tutorial_lib.exercises.catalog import find_exercises

    bundle = new_bundle(
        folder, name or folder.resolve().name, split_names(exercises) or list(find_exercises())
    )
    worth = f"{counted(len(bundle.exercises), 'exercise')}, {counted(bundle.points, 'point')}"
    typer.echo(f"{bundle.name}: {worth}, in {folder}")
    typer.echo(f"Next: write your students into {folder / 'roster.csv'}, then")
    typer.echo(f"  hooking release --bundle {folder} --students {folder / 'roster.csv'} --out FOLDER")


@course_app.command("check")
@refusing()
def check_command(
    bundle: Annotated[Path, typer.Argument(help="The course's private folder.")],
    names: Annotated[
        str, typer.Option("--exercises", help="Names, parted by commas. Default: what the bundle brings.")
    ] = "",
) -> None:
    """Check the bundle's own exercises and hidden checks, before students meet them.

    Starters must come out as not attempted, solutions must pass, hidden checks included, and each wrong
    answer must be rejected with the message of its own misconception.

    Exit code 0: all are fit. 1: one is not. 2: the bundle cannot be used.
    """
    from tutorial_lib.checker.gate import faults
    from tutorial_lib.course.bundle import read_bundle
    from tutorial_lib.exercises.catalog import HERE, find_exercises, get_exercise

    course = read_bundle(bundle)
    brought = bundle / "exercises"
    roots = [HERE, brought] if brought.is_dir() else [HERE]
    own = {name: e for name, e in find_exercises(*roots).items() if e.folder.is_relative_to(brought)}
    hidden = {name: e for name, e in course.exercises.items() if course.hidden(name)}
    known = {**course.exercises, **own}
    chosen = [get_exercise(name, known) for name in split_names(names)] or list({**hidden, **own}.values())
    if not chosen:
        typer.echo("The bundle brings no exercise and no hidden check of its own; nothing to do.")
    unfit = 0
    for exercise in chosen:
        found = [
            f for seed in SEEDS for f in faults(exercise, hidden=course.hidden(exercise.name), seed=seed)
        ]
        unfit += bool(found)
        typer.echo(f"{exercise.name}: {'NOT fit' if found else 'fit'}")
        for fault in dict.fromkeys(found):
            typer.echo(f"  {fault}")
        if exercise.name not in course.exercises:
            typer.echo(f"  it is not in the exercises of {bundle / 'course.toml'}, so no student gets it")
    raise typer.Exit(1 if unfit else 0)


@course_app.command("receipt")
@refusing()
def receipt_command(
    files: Annotated[list[Path], typer.Argument(help="Receipts, as in GRADES/receipts/.")],
    bundle: Annotated[Path, typer.Option(help="The course's private folder.")],
) -> None:
    """Check that receipts were signed by this course and not changed since.

    Exit code 0: all are genuine. 1: one is not. 2: one cannot be read, or the bundle cannot be used.
    """
    from tutorial_lib.course import CourseError
    from tutorial_lib.course.bundle import read_bundle
    from tutorial_lib.course.receipts import is_genuine

    course, forged = read_bundle(bundle), 0
    for file in files:
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise CourseError(f"{file}: {error}") from error
        genuine = isinstance(found, dict) and is_genuine(found, course)
        forged += not genuine
        typer.echo(f"{file}: {'genuine' if genuine else 'NOT as this course signed it'}")
    raise typer.Exit(1 if forged else 0)
