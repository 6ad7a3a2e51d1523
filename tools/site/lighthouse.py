"""Lighthouse on five kinds of page, for `make lighthouse`: `python -m tools.site.lighthouse [--runs 5]`.

The site is built and served as it is published. The table has the medians of some runs, on the phone and the
slow network that Lighthouse imagines. It fails below the goals, and names what costs the points.

Without a GPU, the first picture of one run in two came a second or two late: Chromium holds it back ("paint
holding") in favour of what it showed before, here an empty page. It is told not to.

Lighthouse slows the processor four times, which makes a phone of a fast desktop computer. On a slower or busy
machine it is slowed less, in proportion to Lighthouse's own benchmark of it.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools import ROOT
from tools.site.site_server import build, find_chromium, serving

PROGRAM = ROOT / ".lighthouse" / "node_modules" / "lighthouse" / "cli" / "index.js"
PAGES = {
    "home": "",
    "chapter": "chapters/2-architecture/",
    "exercise": "exercises/05_ablation/in_the_weights/",
    "atlas": "reference/atlas/",
    "reference": "reference/api/hooks/",
}
GOALS = {"performance": 90, "accessibility": 100, "best-practices": 100, "seo": 100}
# https://github.com/GoogleChrome/lighthouse/blob/main/docs/throttling.md#calibrating-the-cpu-slowdown
FAST, SLOWDOWN = 1500, 4.0
FLAGS = "--headless=new --no-sandbox --disable-features=PaintHolding"

Report = dict[str, Any]


def scores(reports: Sequence[Report]) -> dict[str, float]:
    """The median of each category over the runs of a page, from 0 to 100."""
    return {
        name: statistics.median(100 * report["categories"][name]["score"] for report in reports)
        for name in GOALS
    }


def causes(report: Report, category: str) -> list[str]:
    """The audits that cost a page points in a category: name, score, what was measured."""
    found = []
    for weighed in report["categories"][category]["auditRefs"]:
        audit = report["audits"][weighed["id"]]
        if weighed["weight"] and audit["score"] is not None and audit["score"] < 0.995:
            found.append(f"{audit['id']} {100 * audit['score']:.0f} {audit.get('displayValue', '')}".rstrip())
    return found


def table(reports: Mapping[str, Sequence[Report]]) -> tuple[str, bool]:
    """The table, the goals that are missed below it, and whether none is."""
    lines = [f"{'page':<12}" + "".join(f"{name:>16}" for name in GOALS)]
    missed = []
    for page, runs in reports.items():
        of_page = scores(runs)
        lines.append(f"{page:<12}" + "".join(f"{of_page[name]:>16.0f}" for name in GOALS))
        for name, goal in GOALS.items():
            if of_page[name] < goal:
                missed.append(f"{page}: {name} below {goal}: {'; '.join(causes(runs[-1], name))}")
    return "\n".join([*lines, *missed]), not missed


def slowdown(indexes: Sequence[float]) -> float:
    """How many times the processor is slowed, by Lighthouse's `benchmarkIndex` of the runs so far."""
    return round(min(SLOWDOWN, max(1.0, SLOWDOWN * statistics.median(indexes) / FAST)), 1)


def run(address: str, chromium: str, slowed: float) -> Report:
    """One run of Lighthouse on a page, with a processor that is slowed so many times.

    Raises:
        RuntimeError: it could not judge the page.
    """
    command = ["node", str(PROGRAM), address, "--quiet", "--output=json"]
    command += [f"--throttling.cpuSlowdownMultiplier={slowed}"]
    command += [f"--only-categories={','.join(GOALS)}", f"--chrome-flags={FLAGS}"]
    environment = {**os.environ, "CHROME_PATH": chromium}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    report: Report = json.loads(done.stdout) if done.returncode == 0 else {"runtimeError": done.stderr}
    if report.get("runtimeError"):
        raise RuntimeError(f"{address}: {report['runtimeError']}")
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="of each page (5)")
    parser.add_argument("--out", type=Path, help="a folder for the reports, as JSON")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES), metavar="PAGE")
    options = parser.parse_args(arguments)
    chromium = find_chromium()
    if chromium is None or not shutil.which("node") or not PROGRAM.is_file():
        print("needed: Chromium (or $CHROMIUM), Node 18.16 or newer, and what `make lighthouse` installs")
        return 2
    reports: dict[str, list[Report]] = {page: [] for page in options.pages}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address:
        build(Path(folder), address)
        print("a run to know the machine ...", flush=True)
        indexes = [run(address, chromium, SLOWDOWN)["environment"]["benchmarkIndex"]]
        for number in range(1, options.runs + 1):
            for page, of_page in reports.items():
                slowed = slowdown(indexes)
                print(
                    f"run {number} of {options.runs}: {page}, processor slowed {slowed} times ...", flush=True
                )
                of_page.append(run(address + PAGES[page], chromium, slowed))
                indexes.append(of_page[-1]["environment"]["benchmarkIndex"])
                if options.out:
                    options.out.mkdir(parents=True, exist_ok=True)
                    (options.out / f"{page}-{number}.json").write_text(json.dumps(of_page[-1]))
    text, good = table(reports)
    print(f"{text}\nbenchmark index of the machine: {min(indexes):.0f} to {max(indexes):.0f}")
    return int(not good)


if __name__ == "__main__":
    sys.exit(main())
