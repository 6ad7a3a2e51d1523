"""How a report looks on a terminal, and what to do next."""

from rich.text import Text

from tutorial_lib.checker.report import NOT_ATTEMPTED, Report
from tutorial_lib.commands.terminal import about, console, say, shown_path
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.workspace.workspace import Workspace

PRINTED_LINES = 20


def show_report(workspace: Workspace, exercise: Exercise, report: Report) -> None:
    """Print a report, what the answer printed, and the ways on from a failure."""
    first, *rest = str(report).split("\n")
    color = "green" if report.passed else "yellow" if report.outcome == NOT_ATTEMPTED else "red"
    console().print(Text(first, style=f"bold {color}"), soft_wrap=True)
    for line in rest:
        say(line)
    if report.passed:
        return
    if report.printed.strip():
        say("  printed:")
        lines = report.printed.rstrip("\n").splitlines()
        for line in lines[:PRINTED_LINES]:
            say(f"    {line}")
        if len(lines) > PRINTED_LINES:
            say(f"    ... and {len(lines) - PRINTED_LINES} lines more")
    say()
    name = exercise.name
    if report.outcome == NOT_ATTEMPTED:
        _show_files(workspace, exercise)
        say(f"  read: {exercise.chapter}")
        say(f"  hint: hooking hint {name}")
        return
    if report.depends_on_inputs:
        say(f"  the same inputs again: hooking check {name} --seed {report.seed}")
    left = len(exercise.hints) - workspace.progress[name].hints
    say(f"  {left} hints left:" if left > 1 else "  one hint left:" if left else "  the hints again:")
    say(f"    hooking hint {name}" + ("" if left else " --again"))


def show_next(workspace: Workspace) -> None:
    """Print what comes next."""
    exercise = workspace.next()
    if exercise is None:
        say(f"All {len(workspace.exercises)} exercises are done.", style="bold")
        return
    say(f"next: {about(exercise)}")
    _show_files(workspace, exercise)


def summary_line(report: Report) -> str:
    """A report in one line."""
    return f"{report.outcome:<14}{report.exercise}" + (f": {report.message}" if report.message else "")


def _show_files(workspace: Workspace, exercise: Exercise) -> None:
    say(f"  task: {shown_path(workspace.task_path(exercise.name))}")
    say(f"  file: {shown_path(workspace.answer_path(exercise.name))}")
