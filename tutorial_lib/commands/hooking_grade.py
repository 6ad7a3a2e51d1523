"""`hooking grade`: grade a folder of submissions."""

import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from tutorial_lib.commands.terminal import refusing

if TYPE_CHECKING:
    from tutorial_lib.course.grading import GradingProgress, GradingRun


@refusing()
def grade_command(
    submissions: Annotated[Path, typer.Argument(help="Folder of zips, folders and git checkouts.")],
    bundle: Annotated[Path, typer.Option(help="The course's private folder.")],
    out: Annotated[Path, typer.Option(help="Folder for the grades.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Answers at once. Default: one a core.", show_default=False)
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="That an answer may take.", show_default=False)
    ] = None,
    memory_mb: Annotated[
        int | None, typer.Option(min=1, help="That an answer may use.", show_default=False)
    ] = None,
    device: Annotated[str, typer.Option(help="Of the models.")] = "cpu",
    resume: Annotated[
        bool, typer.Option("--resume/--regrade", help="Go on where a run stopped, or judge everything again.")
    ] = True,
    canvas: Annotated[
        Path | None, typer.Option(help="A gradebook exported from Canvas, to be filled.", show_default=False)
    ] = None,
) -> None:
    """Grade every submission, and write the results for you, your students and other systems.

    A run that was stopped goes on with the same command: nothing that has a verdict is judged twice.

    Exit code 0: every answer has a verdict. 1: a judge failed on one; run again. 2: a folder cannot be used.
    """
    from tutorial_lib.course.bundle import read_bundle
    from tutorial_lib.course.grading import Options, grade

    limits: dict[str, Any] = {"seconds": seconds, "memory_mb": memory_mb}
    options = Options(
        jobs=jobs or _cores(),
        limits={name: value for name, value in limits.items() if value is not None},
        device=device,
        regrade=not resume,
        canvas=canvas,
    )
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Bar(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:
        shown = _Shown(bar)
        run = grade(submissions, read_bundle(bundle), out, options, progress=shown.update)
    _print(console, run, out, shown)
    failed = any(answer.outcome == "not graded" for answer in run.grades.answers)
    raise typer.Exit(1 if failed else 0)


class _Shown:
    """The bar, and the counts for the end."""

    def __init__(self, bar: Bar) -> None:
        self.bar, self.task = bar, bar.add_task("grading", total=None)
        self.known = self.judged = 0

    def update(self, progress: "GradingProgress") -> None:
        self.known, self.judged = progress.known, progress.done
        last = progress.last
        start = "starting judges" if progress.to_do else "nothing new"
        text = f"{last.task.student} {last.task.exercise.name}" if last else start
        self.bar.update(self.task, description=text, total=progress.to_do, completed=progress.done)


def _print(console: Console, run: "GradingRun", out: Path, shown: _Shown) -> None:
    grades = run.grades
    table = Table.grid(padding=(0, 2))
    for graded in grades.students:
        outcomes = Counter(answer.outcome for answer in graded.answers)
        words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
        name = graded.submission.name if graded.submission else "-"
        table.add_row(
            Text(graded.student.id), Text(f"{graded.score}/{graded.max_score}"), Text(words), Text(name)
        )
    console.print(table)
    notes = [
        (g.submission.name, note) for g in grades.students if g.submission for note in g.submission.notes
    ]
    looked_at = [
        *((problem.submission, f"{problem.kind}: {problem.message}") for problem in grades.problems),
        *notes,
        *(("canvas", note) for note in run.canvas_notes),
    ]
    if looked_at:
        console.print("\nTo be looked at:")
    for name, message in looked_at:
        console.print(Text(f"  {name}: {message}"), soft_wrap=True)
    console.print(f"\n{shown.judged} answers judged, {shown.known} known from before.", highlight=False)
    console.print(Text(f"{out}: summary.html, grades.json, feedback/, receipts/ and more"), soft_wrap=True)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
