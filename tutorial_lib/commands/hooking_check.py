"""`hooking check`: run an answer on small models, and say what is right or wrong about it."""

import json
from typing import Annotated, Any

import typer

from tutorial_lib.checker.local import SECONDS, LocalRunner
from tutorial_lib.checker.report import NOT_ATTEMPTED, Report
from tutorial_lib.commands.check_files import Checker
from tutorial_lib.commands.reporting import show_next, show_report, summary_line
from tutorial_lib.commands.terminal import Directory, Name, UsageError, open_workspace, refusing, say
from tutorial_lib.commands.watch import watch as watch_files
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.workspace.workspace import Workspace


def check_command(
    name: Name = None,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Check again on each save, then show the next exercise.")
    ] = False,
    seed: Annotated[
        int | None,
        typer.Option(
            help="Of the inputs, to have those of a report again. Default: fresh ones.", show_default=False
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Check every exercise.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds that your code may take.", min=0.1)] = SECONDS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    directory: Directory = None,
) -> None:
    """Check your answer: it runs on a few small models with fresh random inputs.

    Exit code 0: it is right. 1: it is not, or not yet. 2: there is no such exercise or no file.
    """
    with refusing():
        _check_options(name, watch, every, as_json)
        workspace = open_workspace(directory)
        checker = Checker(workspace, seed)
        if every:
            code = _check_all(checker, timeout, as_json)
        else:
            exercise = workspace.exercise(name) if name is not None else workspace.next()
            if exercise is None:
                say(f"All {len(workspace.exercises)} exercises are done.")
                code = 0
            elif watch:
                code = watch_files(checker, exercise, timeout)
            else:
                code = _check_one(checker, exercise, timeout, as_json)
        raise typer.Exit(code)


def _check_options(name: str | None, watch: bool, every: bool, as_json: bool) -> None:
    if every and name is not None:
        raise UsageError(f"give a name ({name!r}) or --all, not both")
    if watch and (every or as_json):
        raise UsageError(
            f"--watch shows one exercise after the other: leave out {'--all' if every else '--json'}"
        )


def _check_one(checker: Checker, exercise: Exercise, timeout: float, as_json: bool) -> int:
    with LocalRunner(seconds=timeout) as runner:
        report = checker.check(exercise, runner)
    if as_json:
        _print_json(checker.workspace, [report])
    else:
        show_report(checker.workspace, exercise, report)
        if report.passed:
            show_next(checker.workspace)
    return int(not report.passed)


def _check_all(checker: Checker, timeout: float, as_json: bool) -> int:
    reports: list[Report] = []
    with LocalRunner(seconds=timeout) as runner:
        for exercise in checker.workspace.exercises.values():
            report = checker.check(exercise, runner)
            reports.append(report)
            if not as_json and report.outcome != NOT_ATTEMPTED:
                say(summary_line(report))
    if as_json:
        _print_json(checker.workspace, reports)
    else:
        passed = sum(report.passed for report in reports)
        rest = sum(report.outcome == NOT_ATTEMPTED for report in reports)
        say(f"{passed} passed, {len(reports) - passed - rest} not right, {rest} not attempted")
    return int(not all(report.passed for report in reports))


def _print_json(workspace: Workspace, reports: list[Report]) -> None:
    files = [str(workspace.answer_path(report.exercise)) for report in reports]
    rows: list[dict[str, Any]] = [
        {"file": file, **report.to_dict()} for file, report in zip(files, reports, strict=True)
    ]
    found = {"passed": all(report.passed for report in reports), "reports": rows}
    typer.echo(json.dumps(found, indent=2))
