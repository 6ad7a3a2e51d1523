"""`hooking hint` gives away one more step each time; `hooking solution` gives away all of it."""

import sys
from typing import Annotated

import typer

from tutorial_lib.commands.terminal import (
    Directory,
    Name,
    UsageError,
    about,
    console,
    notes_of,
    open_workspace,
    refusing,
    say,
    show_markdown,
    the_exercise,
)
from tutorial_lib.exercises.catalog import ExerciseError, Hint
from tutorial_lib.workspace.progress import now


def hint_command(
    name: Name = None,
    again: Annotated[
        bool, typer.Option("--again", help="Show the steps that you have seen, and no new one.")
    ] = False,
    directory: Directory = None,
) -> None:
    """Show a hint: one more step towards the solution each time.

    Exit code 0: all is well. 2: there is no such exercise.
    """
    with refusing():
        workspace = open_workspace(directory)
        exercise = the_exercise(workspace, name)
        record = workspace.progress[exercise.name]
        notes_of(workspace)
        hints = exercise.hints
        seen = min(record.hints, len(hints))
        if name is None:
            say(about(exercise))
        if again or seen == len(hints):
            if not seen:
                raise UsageError(
                    f"no step of {exercise.name} is seen yet; `hooking hint {exercise.name}` shows one"
                )
            for number, hint in enumerate(hints[:seen], start=1):
                _show(number, len(hints), hint)
        else:
            _show(seen + 1, len(hints), hints[seen])
            seen = workspace.progress.update(exercise.name, hints=seen + 1).hints
        left = len(hints) - seen
        if left:
            say(f"\n{left} more {'step' if left == 1 else 'steps'}: hooking hint {exercise.name}")
        else:
            say(f"\nThis was the last step. All of it: hooking solution {exercise.name}")


def solution_command(
    name: Name = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    directory: Directory = None,
) -> None:
    """Show the solution of an exercise. If you have not passed it yet, it asks first.

    Exit code 0: all is well. 1: you said no. 2: there is no such exercise, or no solution here.
    """
    with refusing():
        workspace = open_workspace(directory)
        exercise = the_exercise(workspace, name)
        record = workspace.progress[exercise.name]
        notes_of(workspace)
        try:
            solution = exercise.solution
        except ExerciseError as error:
            raise UsageError(
                f"the solution of {exercise.name} is not in this folder: ask your course"
            ) from error
        if not record.passed and not yes and not _agreed(exercise.name):
            raise typer.Exit(1)
        if not record.solution:
            workspace.progress.update(exercise.name, solution=now())
        say(solution.rstrip("\n"))


def _agreed(name: str) -> bool:
    """Whether the student wants to see it; asked on standard error, so that the solution can be piped."""
    console(error=True).print(
        f"You have not passed {name} yet. Show the solution? [y/N]", end=" ", markup=False
    )
    answer = sys.stdin.readline()
    if not answer:
        say(error=True)
        raise UsageError(f"you have not passed {name} yet: say --yes to see the solution")
    return answer.strip().lower() in ("y", "yes")


def _show(number: int, of: int, hint: Hint) -> None:
    say(f"Step {number} of {of}: {hint.title}", style="bold")
    show_markdown(hint.text)
