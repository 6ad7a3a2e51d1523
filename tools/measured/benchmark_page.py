"""Write what was measured into the site: `python -m tools.measured.benchmark_page [--check] [--docs docs]`.

The results in `benchmarks/results/` are the only source of the page of the benchmark, of its figures, and of
the numbers on the page "why plain hooks". With `--check` nothing is written: it names what is stale.
"""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import Any

from benchmarks.goals import goals, noise, row_of
from benchmarks.variant import TASKS
from tools import ROOT
from tools.measured.benchmark_figure import figure
from tools.reference.generated import between, bring_up_to_date, parser

RESULTS = ROOT / "benchmarks" / "results"
TABLE, QUESTION, END = (
    "<!-- benchmark: table -->",
    "<!-- benchmark: question -->",
    "<!-- benchmark: end -->",
)
FRONT = """\
---
description: What it costs to read and edit the stream, by hand, with this library and with others.
---

# What it costs

<!-- Made by tools/measured/benchmark_page.py from the results in benchmarks/results. -->

The time of a pass in which the stream is read or edited, divided by that of a bare pass of the same model.
All numbers on this page come from one file of results for each device.

- **Equal first.** Before anything was timed, each variant's streams, logits or tokens were compared with
  expected values that are made without any hook. What differs by more than a hundred-thousandth of the
  largest number is listed below and not timed.
- **In turns.** The variants of a size run in one process, in an order that is shuffled for each round, each
  directly before or after a bare run. A *ratio* is the median over the rounds of the time divided by that of
  the bare run beside it; the *middle half* is what lies between the quartiles of these ratios.
- **The noise floor** is a second bare run that is timed like a variant. What differs by less than its middle
  half is not told apart here.
- **The same for all.** Random weights of a Llama, float32, `no_grad`, the attention of transformers' choice.
  Hooks are made, put on and taken off within the time. *Copies* says whether what was kept is apart from the
  model's own tensors, which later code may change; keeping the model's own tensors is cheaper.
"""
REPEAT = """
## How to repeat it

```text
make bench                  # bare runs, hooks by hand, transformers itself, this library
make bench-peers            # with the other libraries, in an environment of their own; writes this page
make bench DEVICE=cuda      # on a GPU
python -m benchmarks.run --help
```
"""
# What stands beside the peers in the table of what each does for its time.
OURS = """\
| this library | as here | Checks its arguments before any hook is on, counts the calls of each hook and \
warns of one that never ran, takes hooks off whatever happens, runs a compiled model uncompiled. |
| hooks by hand | | None of this. |
| output_hidden_states | | Keeps the model's own tensors. Its hooks stay on the model after the \
first call, so it was run on a copy. |
"""
QUESTION_TEXT = """\
??? question "A colleague says: hooks are faster than TransformerLens. True?"

    On the tiny model above, by a factor: {ours_tiny} against {theirs_tiny}. On the realistic one, reading the
    stream costs {ours} against {theirs}{noise}. It matters when small models are called very often, or when
    everything is cached although little is needed.
"""


def page(results: dict[str, dict[str, Any]]) -> str:
    """The text of the page, from the results by device."""
    text = FRONT
    for device, result in results.items():
        heading = "On a CPU" if device == "cpu" else "On a GPU"
        text += f"\n## {heading}\n\n{_setting(result)}\n"
        text += f"![{_alt(result)}](benchmark-{device}.svg)\n"
        text += f"\n### Goals{_of(device)}\n\n| Goal | Measured | |\n| --- | --- | --- |\n"
        words = {True: "met", False: "**missed**", None: "not measured"}
        text += "".join(f"| {goal.text} | {goal.measured} | {words[goal.met]} |\n" for goal in goals(result))
        for name, size in result["sizes"].items():
            text += f"\n### {name.capitalize()}{_of(device)}\n\n{_size(name, size)}"
        text += f"\n### Left out{_of(device)}\n\n{_left_out(result)}"
    return text + _peers(next(iter(results.values()))) + REPEAT


def _of(device: str) -> str:
    return "" if device == "cpu" else f" ({device})"


def _setting(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    where = machine.get("gpu") or f"{machine['cpu']}, {machine['cores']} cores"
    threads = "one thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    text = (
        f"{where}, {threads}; {result['rounds']} rounds after {result['warmup']} that warm up. "
        f"Python {versions['python']}, torch {versions['torch']}, transformers {versions['transformers']}. "
    )
    if result["clock"] == "processor time":
        text += "Times are processor times of the process, so what else the machine did counts little. "
    return text.rstrip() + "\n"


def _size(name: str, size: dict[str, Any]) -> str:
    again = row_of(size, "bare forward again")
    text = f"{size['layers']} layers of width {size['hidden']}, batch {size['batch']}, {size['seq']} tokens. "
    text += f"Measured on {size['date']}"
    if size["load"][0] is not None:
        text += f", with a load of {size['load'][0]} at the start and {size['load'][1]} at the end"
    text += "."
    if again:
        text += f" The second bare run: {again['ratio']:.3f}, middle half {_half(again)}."
    text += "\n"
    rows = sorted(size["variants"], key=lambda row: list(TASKS).index(row["task"]))
    for task, group in groupby(rows, key=lambda row: row["task"]):
        text += f"\n**{TASKS[task].capitalize()}**\n\n"
        text += "| Variant | Ratio | Middle half | ms | Added ms | Copies |\n"
        text += "| --- | --: | --: | --: | --: | --- |\n"
        for row in sorted(group, key=lambda row: row["ratio"]):
            copies = {True: "yes", False: "no", None: ""}[row["copies"]]
            text += (
                f"| {row['name']} | {row['ratio']:.3f} | {_half(row)} | {row['ms']:.2f} | "
                f"{row['added_ms']:+.3f} | {copies} |\n"
            )
    return text


def _half(row: dict[str, Any]) -> str:
    return f"{row['low']:.3f} to {row['high']:.3f}"


def _left_out(result: dict[str, Any]) -> str:
    lines = [
        f"- {name}: {each['library']}, {each['name']}: {each['reason']}\n"
        for name, size in result["sizes"].items()
        for each in size["left_out"]
    ]
    return "".join(lines) or "Nothing: every variant ran and gave what it should.\n"


def _peers(result: dict[str, Any]) -> str:
    text = "\n## What each does for its time\n\n| Library | Version | What it does besides |\n"
    text += "| --- | --- | --- |\n"
    for peer in result["peers"]:
        version, more = peer["version"] or "none", peer["more"] or "not installed here"
        text += f"| {peer['library']} | {version} | {more} |\n"
    return text + OURS


def _alt(result: dict[str, Any]) -> str:
    parts = []
    for name, size in result["sizes"].items():
        rows = [row for row in size["variants"] if row["task"] == "all"]
        listed = ", ".join(f"{row['library']} {row['ratio']:.2f}" for row in sorted(rows, key=_ratio))
        parts.append(f"{name}: {listed}")
    return "Reading the stream at every layer, as a ratio to a bare pass. " + "; ".join(parts)


def _ratio(row: dict[str, Any]) -> float:
    return float(row["ratio"])


def table(result: dict[str, Any]) -> str:
    """The table of the page "why plain hooks", with the two sentences that depend on its numbers."""
    sizes = result["sizes"]
    names = [
        "by hand, every layer",
        "this library, every layer",
        "this library, stop at half depth",
        "output_hidden_states",
        "nnsight, every layer",
        "nnsight, stop at half depth",
        "TransformerLens, every layer",
        "TransformerLens, everything",
        "this library, steered generation",
        "nnsight, steered generation",
        "TransformerLens, steered generation",
    ]
    versions = ", ".join(
        f"{peer['library']} {peer['version']}" for peer in result["peers"] if peer["version"]
    )
    text = f"Measured with {versions}.\n\n| variant | realistic | tiny |\n|---|---|---|\n"
    for name in names:
        cells = [_cell(row_of(sizes.get(size, {}), name)) for size in ("realistic", "tiny")]
        text += f"| {name} | {cells[0]} | {cells[1]} |\n"
    floor = noise(sizes["realistic"])
    return text + f"\nDifferences under {floor or 0:.2f} in the column *realistic* are noise.\n"


def question(result: dict[str, Any]) -> str:
    """An answer on the page "why plain hooks" that names two of the numbers."""
    realistic, tiny = result["sizes"]["realistic"], result["sizes"]["tiny"]
    names = ("this library, every layer", "TransformerLens, every layer")
    ours, theirs = (_cell(row_of(realistic, name)) for name in names)
    ours_tiny, theirs_tiny = (_cell(row_of(tiny, name)) for name in names)
    apart, floor = abs(float(theirs) - float(ours)), noise(realistic) or 0
    words = ", which is within the noise of that measurement" if apart <= floor else ""
    return QUESTION_TEXT.format(
        ours=ours, theirs=theirs, ours_tiny=ours_tiny, theirs_tiny=theirs_tiny, noise=words
    )


def _cell(row: dict[str, Any] | None) -> str:
    return "" if row is None else f"{row['ratio']:.2f}"


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    paths = sorted(RESULTS.glob("*.json"))
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    reference, why = docs / "reference", docs / "why-hooks.md"
    files = {reference / "benchmark.md": page(results)}
    files |= {reference / f"benchmark-{device}.svg": figure(result) for device, result in results.items()}
    text = why.read_text(encoding="utf-8")
    text = between(text, TABLE, END, f"\n\n{table(results['cpu'])}\n")
    files[why] = between(text, QUESTION, END, f"\n\n{question(results['cpu'])}\n")
    known = [*reference.glob("benchmark*.md"), *reference.glob("benchmark-*.svg")]
    return bring_up_to_date(
        files, known, options, tool="benchmark_page.py", orphan_is=": no result of that name"
    )


if __name__ == "__main__":
    sys.exit(main())
