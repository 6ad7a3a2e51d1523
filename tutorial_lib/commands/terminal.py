"""What the commands have in common: where they work, how they print, count and refuse."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tutorial_lib.checker.local_process import LocalError
from tutorial_lib.course import CourseError
from tutorial_lib.exercises.catalog import Exercise, ExerciseError
from tutorial_lib.workspace.workspace import Workspace, WorkspaceError

Directory = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        help="The folder that `hooking start` made, or one in it. Default: where you are.",
        show_default=False,
    ),
]
Name = Annotated[
    str | None,
    typer.Argument(
        metavar="NAME",
        help="Such as print_a_shape, 01_hooks/print_a_shape, or the path of its file. Default: the next one.",
        show_default=False,
    ),
]


class UsageError(Exception):
    """What the user asked for does not go together; the message says what does."""


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Print what is wrong with what the user gave, and end with exit code 2. Also decorates a command."""
    try:
        yield
    except (UsageError, ExerciseError, WorkspaceError, CourseError, LocalError, OSError) as error:
        say(f"error: {error}", error=True)
        raise typer.Exit(2) from error


def console(*, error: bool = False) -> Console:
    """Where to print. A character that the terminal's encoding lacks is replaced: no reason to fail."""
    stream = sys.stderr if error else sys.stdout
    if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
        stream.reconfigure(errors="replace")
    return Console(stderr=error, highlight=False)


def say(text: str = "", *, error: bool = False, style: str = "") -> None:
    """Print lines as they are, however wide the terminal is."""
    console(error=error).print(text, markup=False, soft_wrap=True, style=style or None)


def split_names(text: str) -> list[str]:
    """The names in a text, which commas or spaces part."""
    return re.findall(r"[^\s,]+", text)


def counted(number: int, noun: str) -> str:
    """Such as "1 exercise" or "3 exercises"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def quiet_transformers() -> None:
    """Progress bars and notices of transformers do not belong into the output of a command."""
    import transformers  # it takes seconds

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def show_markdown(text: str) -> None:
    """Print Markdown: laid out on a terminal, as it is into a file."""
    out = console()
    if out.is_terminal:
        from rich.markdown import Markdown  # it takes a fifth of a second, which `hooking list` need not wait

        out.print(Markdown(text))
    else:
        say(text)


def open_workspace(directory: Path | None) -> Workspace:
    """The place of exercises that the user is in or names.

    Raises:
        WorkspaceError: there is none.
    """
    if directory is not None and not directory.exists():
        raise WorkspaceError(f"there is no folder {str(directory)!r}")
    return Workspace.find(directory or Path.cwd())


def the_exercise(workspace: Workspace, name: str | None) -> Exercise:
    """The exercise that the user names, or the next one.

    Raises:
        ExerciseError: no such exercise.
        UsageError: there is no next one.
    """
    if name is not None:
        return workspace.exercise(name)
    found = workspace.next()
    if found is None:
        raise UsageError(f"all {len(workspace.exercises)} exercises are done; name one of them")
    return found


def shown_path(path: Path) -> str:
    """A path as short as it can be from here."""
    try:
        return os.path.relpath(path)
    except ValueError:  # on another drive of Windows
        return str(path)


def notes_of(workspace: Workspace) -> None:
    """Tell what was odd about the file of the student's progress."""
    for note in workspace.progress.notes:
        say(f"note: {note}", error=True)
    workspace.progress.notes.clear()


def about(exercise: Exercise) -> str:
    """An exercise in one line."""
    return f"{exercise.name}  {exercise.title} ({exercise.difficulty}, {exercise.minutes} minutes)"
