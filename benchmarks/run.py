"""What looking into a model costs, as ratios to a bare run of the same model.

    python -m benchmarks.run --size tiny --rounds 21
    make bench-peers            # with the other libraries, in an environment of their own

Before anything is timed, every variant's result is compared with the right one; a variant that differs is
listed with the difference and not timed. `benchmarks/timing.py` says how times are taken.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks import ordinary, peers
from benchmarks.equal import EqualityCheck, Expected, check, expected
from benchmarks.goals import goals
from benchmarks.machine import load, machine, versions
from benchmarks.timing import Timing, clock_for, measure
from benchmarks.variant import BARE, BARE_GENERATE, GENERATION, LeftOut, Variant
from benchmarks.workload import SIZES, Size, Workload, build
from tutorial_lib import leftover_hooks

WARMUP = 2
SEED = 0
errors = Console(stderr=True)


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").split("\n")[0],
        epilog="A ratio is the median over the rounds of the time divided by that of the bare run beside it.",
    )
    parser.add_argument("--size", nargs="+", choices=SIZES, default=list(SIZES), help="default: all of them")
    parser.add_argument("--rounds", type=int, default=21, help="after the warm-up (default: 21)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--threads", type=int, default=1, help="of PyTorch on the CPU (default: 1)")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", help="variants or libraries whose name has one of these in it"
    )
    parser.add_argument(
        "--out",
        type=Path,
        help="write the result to this JSON file; sizes in it that are not measured now stay",
    )
    chosen = parser.parse_args(arguments)
    if chosen.rounds < 1:
        parser.error(f"--rounds must be 1 or more, got {chosen.rounds}")
    if chosen.threads < 1:
        parser.error(f"--threads must be 1 or more, got {chosen.threads}")
    kind = chosen.device.partition(":")[0]
    if kind not in ("cpu", "cuda"):
        parser.error(f"--device must be cpu or cuda, got {chosen.device}")
    if kind == "cuda" and not torch.cuda.is_available():
        parser.error(f"--device {chosen.device}: PyTorch sees no CUDA device here")
    return chosen


def selected(variants: list[Variant], only: list[str] | None) -> list[Variant]:
    """Those asked for, and the bare runs in any case."""
    if only is None:
        return variants
    wanted = [
        variant
        for variant in variants
        if variant.task in ("nothing", "generate")
        or any(name.lower() in f"{variant.name} {variant.library}".lower() for name in only)
    ]
    if all(variant.task in ("nothing", "generate") for variant in wanted):
        raise SystemExit(
            f"--only {' '.join(only)} is in no name: {', '.join(each.name for each in variants)}"
        )
    return wanted


def checked(
    variants: list[Variant], right: Expected, job: Workload
) -> tuple[list[Variant], dict[str, EqualityCheck], list[LeftOut]]:
    """Those that are right, how right they are, and the others with their reasons."""
    good: list[Variant] = []
    checks: dict[str, EqualityCheck] = {}
    left_out: list[LeftOut] = []
    for variant in variants:
        try:
            checks[variant.name] = found = check(variant, right, job)
        except Exception as error:  # whatever a library does wrong, the others are still measured
            reason = (
                f"does not run: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
            )
            left_out.append(LeftOut(variant.library, variant.name, reason.rstrip(": ")))
            continue
        if found.problem:
            left_out.append(LeftOut(variant.library, variant.name, f"differs: {found.problem}"))
        else:
            good.append(variant)
    if left := leftover_hooks(job.model):
        raise RuntimeError(f"a variant left hooks on the model that all are timed on: {left}")
    return good, checks, left_out


def run_size(size: Size, chosen: argparse.Namespace) -> tuple[dict[str, Any], list[peers.Peer]]:
    """Checks and times all variants at one size."""
    job = build(size, chosen.device)
    known, others, left_out = peers.load(job)
    variants = [
        each for each in (*ordinary.variants(job), *others) if size.generates or each.task not in GENERATION
    ]
    variants = selected(variants, chosen.only)
    good, checks, wrong = checked(variants, expected(job), job)
    left_out += wrong
    by_name = {variant.name: variant for variant in good}
    bares = [BARE, BARE_GENERATE] if size.generates else [BARE]
    if missing := [name for name in bares if name not in by_name]:
        raise RuntimeError(f"nothing to compare with: {missing}, {left_out}")

    timings: dict[str, Timing] = {}
    with Progress(console=errors, transient=True) as progress:
        for bare in bares:
            generation = bare == BARE_GENERATE
            group = [each for each in good if (each.task in GENERATION) == generation and each.name != bare]
            title = f"{size.name}, {'generation' if generation else 'one pass'}"
            task = progress.add_task(f"{title}: {len(group)} variants", total=WARMUP + chosen.rounds)
            timings |= measure(
                by_name[bare],
                group,
                rounds=chosen.rounds,
                warmup=WARMUP,
                calls=1 if generation else size.calls,
                turns=1 if generation else size.turns,
                seed=SEED,
                device=chosen.device,
                clock=clock_for(chosen.device, chosen.threads)[1],
                done=lambda task=task: progress.advance(task),  # type: ignore[misc]
            )
    rows = [_row(by_name[name], timings[name], checks[name]) for name in by_name if name in timings]
    return {**asdict(size), "variants": rows, "left_out": [asdict(each) for each in left_out]}, known


def _row(variant: Variant, timing: Timing, found: EqualityCheck) -> dict[str, Any]:
    numbers = {name: round(value, 4) for name, value in asdict(timing).items()}
    return {
        "name": variant.name,
        "library": variant.library,
        "task": variant.task,
        **numbers,
        "difference": float(f"{found.difference:.2g}"),
        "copies": found.copies,
    }


def show(name: str, size: dict[str, Any], to: Console) -> None:
    """The rows of a size as a table."""
    title = (
        f"{name}: {size['layers']} layers of width {size['hidden']}, {size['batch']} x {size['seq']} tokens"
    )
    table = Table("variant", "ratio", "middle half", "ms", "added ms", title=title, title_justify="left")
    for row in size["variants"]:
        table.add_row(
            row["name"],
            f"{row['ratio']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}",
            f"{row['ms']:.2f}",
            f"{row['added_ms']:+.3f}",
        )
    to.print(table)
    for each in size["left_out"]:
        to.print(f"left out: {each['library']}, {each['name']}: {each['reason']}", highlight=False)


def setting(chosen: argparse.Namespace) -> dict[str, Any]:
    """What a result needs beside its numbers, the same for all sizes in a file."""
    return {
        "rounds": chosen.rounds,
        "warmup": WARMUP,
        "seed": SEED,
        "clock": clock_for(chosen.device, chosen.threads)[0],
        "versions": versions(),
        "machine": machine(chosen.device),
    }


def sizes_to_keep(chosen: argparse.Namespace) -> dict[str, Any]:
    """The sizes in the file to be written that are not measured anew.

    Raises:
        SystemExit: they were measured in another setting and would be lost.
    """
    if chosen.out is None or not chosen.out.exists():
        return {}
    before = json.loads(chosen.out.read_text(encoding="utf-8"))
    kept = {name: size for name, size in before["sizes"].items() if name not in chosen.size}
    now = setting(chosen)
    if changed := [name for name, value in now.items() if kept and before[name] != value]:
        raise SystemExit(
            f"{chosen.out} has the sizes {', '.join(kept)}, measured with other {', '.join(changed)}: "
            "measure them as well (without --size), or choose another file"
        )
    return kept


def main(arguments: list[str] | None = None) -> int:
    chosen = options(arguments)
    torch.set_num_threads(chosen.threads)
    kept = sizes_to_keep(chosen)
    result: dict[str, Any] = {**setting(chosen), "peers": [], "sizes": {}}
    to = Console(width=None if sys.stdout.isatty() else 110)
    for name in chosen.size:
        before = load()
        size, known = run_size(SIZES[name], chosen)
        day = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
        kept[name] = {**size, "date": day, "load": [before, load()]}
        result["peers"] = [asdict(peer) for peer in known]
        result["sizes"] = {each: kept[each] for each in SIZES if each in kept}
        show(name, kept[name], to)
        if chosen.out is not None:  # after each size: a run that is cut short was not for nothing
            chosen.out.parent.mkdir(parents=True, exist_ok=True)
            chosen.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8", newline="\n")
    for goal in goals(result):
        to.print(str(goal), highlight=False)
    if chosen.out is not None:
        errors.print(f"wrote {chosen.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
