"""`hooking release`: the folders that students begin with."""

from pathlib import Path
from typing import Annotated

import typer

from tutorial_lib.commands.terminal import counted, refusing, split_names


@refusing()
def release_command(
    out: Annotated[Path, typer.Option(help="Folder to make; it must not exist or be empty.")],
    exercises: Annotated[
        str,
        typer.Option(help="Names, parted by commas. Default: those of the bundle.", show_default=False),
    ] = "",
    bundle: Annotated[
        Path | None, typer.Option(help="The course's private folder.", show_default=False)
    ] = None,
    students: Annotated[
        Path | None,
        typer.Option(
            help="A roster: one folder a student, with a variant of the exercises. Needs --bundle.",
            show_default=False,
        ),
    ] = None,
    course: Annotated[
        str, typer.Option(help="Name of the course, where there is no bundle.", show_default=False)
    ] = "",
) -> None:
    """Write what students begin with: tasks, starters, hints and the public checks.

    Solutions, wrong answers, hidden checks and the secret stay at home.

    Exit code 0: all is well. 2: a folder, a roster or an exercise cannot be used.
    """
    from tutorial_lib.course import CourseError
    from tutorial_lib.course.bundle import read_bundle
    from tutorial_lib.course.release import release
    from tutorial_lib.course.roster import read_roster
    from tutorial_lib.exercises.catalog import find_exercises, get_exercise

    private = read_bundle(bundle) if bundle else None
    if private and course and course != private.name:
        raise CourseError(f"--course {course!r} is not the bundle's name, {private.name!r}")
    names = split_names(exercises)
    if not names and private is None:
        raise CourseError("say which exercises with --exercises, or give --bundle")
    known = private.exercises if private else find_exercises()
    chosen = [get_exercise(name, known) for name in names] or list(known.values())
    roster = list(read_roster(students).values()) if students else None
    folders = release(chosen, out, course=course, bundle=private, students=roster)
    points = sum(exercise.points for exercise in chosen)
    typer.echo(f"{counted(len(chosen), 'exercise')}, {counted(points, 'point')}")
    typer.echo(
        f"{out}: a folder each for {counted(len(folders), 'student')}" if roster is not None else str(out)
    )
