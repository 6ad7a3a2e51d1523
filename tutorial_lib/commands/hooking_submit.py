"""`hooking submit`: what a student hands in."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tutorial_lib.commands.terminal import refusing


@refusing()
def submit_command(
    folder: Annotated[Path, typer.Argument(help="With your exercises.")] = Path(),
    student: Annotated[
        str | None, typer.Option(help="Your id, where the folder does not know it.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the zip. Default: the one of the exercises.", show_default=False),
    ] = None,
) -> None:
    """Make the zip to hand in, and list what is in it and what is not. Older zips stay.

    Exit code 0: the zip is made. 2: there is nothing to hand in, or the folder has no exercises.
    """
    from tutorial_lib.course.submitting import REFUSED, WRITTEN, submit

    submitted = submit(folder, student=student, out=out)
    table = Table.grid(padding=(0, 2))
    for item in submitted.items:
        inside = "in" if item.content is not None else "NOT in"
        style = {WRITTEN: "green", REFUSED: "bold red"}.get(item.state, "yellow")
        table.add_row(
            Text(inside), Text(item.exercise.name), Text(item.state, style=style), Text(item.reason)
        )
    console = Console()
    console.print(table)
    written = sum(item.state == WRITTEN for item in submitted.items)
    console.print(f"\n{written} of {len(submitted.items)} exercises are written.", highlight=False)
    if submitted.manifest["student"] is None:
        console.print(
            "Name the file after yourself as your course asks: this folder does not know whose it is."
        )
    elif submitted.manifest["seal"] is None:
        console.print("This folder has no seal of your course: keep your name in the file's name.")
    console.print(Text(f"Hand in: {submitted.zip}"), soft_wrap=True)
