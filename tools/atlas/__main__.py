"""Sweep over model types: `python -m tools.atlas`. What is in the journal is not done again."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tools.atlas.atlas_rows import AtlasJournal, Row, row, write
from tools.atlas.sweep import SweepLimits, SweepResult, sweep


def main(arguments: list[str] | None = None) -> int:
    """The command; 0 if every type was verified or has a reason, 1 if one was not, 2 for wrong arguments."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.jobs < 1 or options.timeout <= 0 or options.memory <= 0:
        parser.error("--jobs, --timeout and --memory must be greater than 0")
    # Here and not above: it imports transformers, and --help should not.
    os.environ["HF_HUB_OFFLINE"] = "1"
    from tools.atlas.worker import examine
    from tutorial_lib.tiny_random.shrink import causal_lm_types

    known = causal_lm_types()
    types = options.types or known
    unknown = [each for each in types if each not in known]
    if unknown:
        parser.error(f"no causal-LM types of this transformers: {', '.join(unknown)}")
    journal = AtlasJournal(options.journal)
    rows = {} if options.fresh else {name: each for name, each in journal.rows().items() if name in types}
    console = Console(stderr=True)
    if rows:
        console.print(
            f"{len(rows)} of {len(types)} types are in {journal.path} already",
            soft_wrap=True,
            markup=False,
            highlight=False,
        )
    limits = SweepLimits(options.timeout, options.memory)
    results = sweep([each for each in types if each not in rows], examine, jobs=options.jobs, limits=limits)
    with _progress(console, len(rows), len(types)) as progress:
        task = progress.add_task("", total=len(types), completed=len(rows))
        for result in results:
            rows[result.model_type] = row(result)
            journal.add(rows[result.model_type])
            progress.advance(task)
            number = f"{len(rows)}/{len(types)}"
            progress.console.print(
                f"{number:>7}  {_line(rows[result.model_type], result)}",
                soft_wrap=True,
                markup=False,
                highlight=False,
            )
    write(options.out, rows.values())
    console.print(f"wrote {options.out}", soft_wrap=True, markup=False, highlight=False)
    return int(any(each.outcome != "done" for each in rows.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.atlas",
        description="Build a tiny random model of each causal-LM type; verify its residual stream by value.",
    )
    parser.add_argument("--types", nargs="+", metavar="TYPE", help="such as llama gpt2 (default: all)")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time (%(default)s)"
    )
    parser.add_argument("--timeout", type=float, default=180, help="seconds for one type (%(default)s)")
    parser.add_argument("--memory", type=float, default=4, help="GiB for one type (%(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs/reference/atlas.json"), help="(%(default)s)")
    parser.add_argument(
        "--journal",
        type=Path,
        default=Path(".cache/atlas"),
        help="folder of the rows so far, from which an interrupted sweep goes on (%(default)s)",
    )
    parser.add_argument("--fresh", action="store_true", help="do not use the rows so far")
    return parser


def _progress(console: Console, done: int, total: int) -> Progress:
    """A bar on a terminal; nothing elsewhere, where the lines of the types say how far it is."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


def _line(found: Row, result: SweepResult) -> str:
    if found.outcome != "done":
        words = f"{found.outcome}: {found.detail}"
    else:
        failed = [name for name, check in found.checks.items() if check["passed"] is False]
        words = found.reason or ("failed: " + ", ".join(failed) if failed else "ok")
    return f"{found.model_type} ({result.seconds:.1f} s): {words}"


if __name__ == "__main__":
    sys.exit(main())
