"""Write into a built site which blocks of each page were run.

    python -m tools.site.stamps SITE --from REPORT...

The reports are those of `pytest --block-report`, one for the CPU, others for other devices. A page gets a
stamp from a report of the page as it is now, of all its blocks, none of which failed; rather none than an
untrue one. Stamps of an earlier run are replaced.
"""

from __future__ import annotations

import argparse
import hashlib
import html
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tools import ROOT
from tools.pages.page import read_page

STAMP = re.compile(r'<aside class="verified".*?</aside>\n?', re.DOTALL)
END = "</article>"
DEVICES = {"cpu": "the CPU", "cuda": "CUDA"}


def lines(page: Path, root: Path, reports: Sequence[dict[str, Any]]) -> list[str]:
    """What the reports prove about a page, a line for each report and device."""
    read = read_page(page, root)
    digest = hashlib.sha256(page.read_bytes()).hexdigest()
    found = []
    for report in reports:
        entry = report["pages"].get(read.name)
        if entry is None or entry["sha256"] != digest:
            continue
        if any(counts["failed"] for counts in entry["devices"].values()):
            continue
        for device, counts in entry["devices"].items():
            blocks = sum(device in block.devices for block in read.blocks)
            if counts["run"] and counts["run"] + counts["skipped"] == blocks:
                found.append(line(report, device, counts))
    return found


def line(report: dict[str, Any], device: str, counts: dict[str, Any]) -> str:
    """One report on one device in words."""
    where = DEVICES[device]
    if device == "cuda" and report["cuda"]:
        where += f" ({report['cuda']})"
    versions = ", ".join(f"{name} {version}" for name, version in report["versions"].items())
    run = f"{counts['run']} block{'s' * (counts['run'] != 1)} run"
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    blocks = f"{run}{skipped} on {where} in {counts['seconds']:.1f} s"
    day = f'; <time datetime="{report["date"]}">{report["date"]}</time>' if report["date"] else ""
    commit = f", commit {report['commit'][:7]}" if report["commit"] else ""
    return html.escape(f"{blocks}; {versions}") + day + html.escape(commit)


def stamped(text: str, proved: Sequence[str]) -> str:
    """The page with its stamp, or without one where nothing is proved."""
    text = STAMP.sub("", text)
    if not proved:
        return text
    before, end, after = text.rpartition(END)
    stamp = f'<aside class="verified" aria-label="Verified">Verified: {"<br>".join(proved)}.</aside>\n'
    return before + stamp + end + after


def main(arguments: list[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    options.add_argument("site", type=Path, help="the folder that mkdocs has built")
    options.add_argument("--from", dest="reports", type=Path, nargs="+", required=True, metavar="REPORT")
    options.add_argument("--docs", type=Path, default=ROOT / "docs")
    chosen = options.parse_args(arguments)
    docs = chosen.docs.resolve()
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in chosen.reports]
    count = 0
    for page in sorted(docs.rglob("*.md")):
        place = page.relative_to(docs).with_suffix("")
        built = chosen.site / (place.parent if place.name == "index" else place) / "index.html"
        if not built.is_file():
            continue
        text = built.read_text(encoding="utf-8")
        proved = lines(page, docs.parent, reports)
        if proved and END not in text:
            print(f"{built}: there is no {END} to put a stamp before", file=sys.stderr)
            return 1
        if (new := stamped(text, proved)) != text:
            built.write_text(new, encoding="utf-8", newline="\n")
        count += bool(proved)
    print(f"{count} pages stamped")
    return int(not count)


if __name__ == "__main__":
    sys.exit(main())
