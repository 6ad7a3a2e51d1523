"""`hooking export`: exercises as notebooks that other graders take."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tutorial_lib.commands.terminal import counted, refusing, split_names
from tutorial_lib.exercises.catalog import Exercise

export_app = typer.Typer(
    no_args_is_help=True, help="For instructors: exercises as notebooks for nbgrader or Otter."
)

Out = Annotated[Path, typer.Option(help="Folder to make; it must not exist or be empty.")]
Names = Annotated[
    str, typer.Option(help="Names, parted by commas. Default: those of the bundle.", show_default=False)
]
BundleFolder = Annotated[
    Path | None, typer.Option(help="A course, for its exercises and points.", show_default=False)
]
Course = Annotated[str, typer.Option(help="Of the assignment. Default: the bundle's, or exercises.")]


@export_app.command("nbgrader")
@refusing()
def nbgrader_command(out: Out, exercises: Names = "", bundle: BundleFolder = None, name: Course = "") -> None:
    """Write a course folder for nbgrader: an assignment with a notebook an exercise, solutions in it.

    Exit code 0: all is well. 2: the folder is not empty, or there is no such exercise.
    """
    from tutorial_lib.course.exports.nbgrader import export_nbgrader

    chosen, course = _choose(exercises, bundle, name)
    export_nbgrader(chosen, out, course)
    typer.echo(f"{counted(len(chosen), 'exercise')} in {out / 'source' / course}; next, in {out}:")
    typer.echo(f"  nbgrader generate_assignment {course}")


@export_app.command("otter")
@refusing()
def otter_command(out: Out, exercises: Names = "", bundle: BundleFolder = None, name: Course = "") -> None:
    """Write a master notebook for Otter-Grader: one question an exercise, solutions in it.

    Exit code 0: all is well. 2: the folder is not empty, or there is no such exercise.
    """
    from tutorial_lib.course.exports.otter import export_otter

    chosen, course = _choose(exercises, bundle, name)
    notebook = export_otter(chosen, out, course)
    typer.echo(f"{counted(len(chosen), 'exercise')} in {notebook}; next, in {out}:")
    typer.echo(f"  otter assign {notebook.name} dist")


def _choose(names: str, bundle: Path | None, name: str) -> tuple[Sequence[Exercise], str]:
    from tutorial_lib.course import CourseError
    from tutorial_lib.course.bundle import read_bundle
    from tutorial_lib.course.roster import check_id
    from tutorial_lib.exercises.catalog import find_exercises, get_exercise

    private = read_bundle(bundle) if bundle else None
    if not names and private is None:
        raise CourseError("say which exercises with --exercises, or give --bundle")
    known = private.exercises if private else find_exercises()
    course = name or (private.name if private else "exercises")
    check_id(course, "--name")
    chosen = [get_exercise(asked, known) for asked in split_names(names)] or list(known.values())
    hidden = [exercise.name for exercise in chosen if private and private.hidden(exercise.name)]
    if hidden:
        typer.echo(f"note: hidden checks stay in the bundle: {', '.join(hidden)}", err=True)
    return chosen, course
