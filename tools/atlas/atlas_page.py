"""Write the page of the atlas from its rows: `python -m tools.atlas.atlas_page [--check] [--docs docs]`."""

import argparse
import re
import sys
from collections import Counter
from pathlib import Path

from tools.atlas.atlas_rows import Atlas, Row, read
from tools.atlas.words import KINDS, NO_KIND, WHY

EQUAL = "input = hidden_states"

FRONT = """\
---
description: Every type of causal language model in transformers, its residual stream verified by value.
---

# Atlas of architectures

"Works with any model" is easy to say. This page is what was measured: each of the {types} types that
`AutoModelForCausalLM` of transformers {transformers} can build was built, tiny and with random weights, and
run on a few tokens. `verify_model` then compared numbers:

- **Blocks.** `find_blocks` finds a list of modules, and each gets what the one before it returned.
- **Input.** What a pre-hook sees at block `i` is `hidden_states[i]`, bit for bit.
- **End.** The output of the last block, put through the final norm, is the model's last hidden state.
- **Edits.** Adding zero changes no logit. Adding a vector does, and alike at the input of a block and at the
  output of the block before.
- **Calls.** In `generate`, hooks run as often as there are passes.
- **Sum.** Which modules' outputs add up to what a block returns.
- **Nothing stays behind.** Hooks, config, modes and random numbers are as before.

`make atlas` does it again. For one model, with its own weights: `hooking map MODEL`.

## The result

| | Types |
| --- | ---: |
{counts}
"""

COLUMNS = """\
| Type | Result | Returns | Mid | What a block's output is | Blocks | Class |
| ---- | ----- | ------ | ------- | ------------------------ | --- | ------ |
"""

LEGEND = """
In the tables, *returns* is what a block returns: on a tuple or a list, a hook must take the stream out and
put it back. *Mid* is whether there is a stream between attention and MLP. A result other than *equal* leads
to the reason.
"""


def page(atlas: Atlas) -> str:
    """The text of the page."""
    groups = _exceptions(atlas.rows)
    anchors = {each.model_type: rows[0].model_type for rows in groups for each in rows}
    counts = Counter(result(each) for each in atlas.rows)
    lines = "\n".join(f"| {name} | {counts[key]} |" for key, name in RESULTS.items() if counts[key])
    lines += f"\n| **all** | {len(atlas.rows)} |"
    text = FRONT.format(types=len(atlas.rows), transformers=atlas.transformers, counts=lines) + LEGEND
    for kind in [*KINDS, None]:
        rows = [each for each in atlas.rows if each.kind == kind]
        if rows:
            heading, meaning = KINDS[kind] if kind is not None else NO_KIND
            number = "1 type" if len(rows) == 1 else f"{len(rows)} types"
            text += f"\n## {heading}\n\n{meaning} {number}.\n\n{COLUMNS}"
            text += "".join(_line(each, anchors) for each in rows)
    text += "\n## Exceptions, and why\n"
    text += "".join(_section(rows) for rows in groups)
    return text


RESULTS = {
    "equal": "the input of every block is `hidden_states`, bit for bit, and can be edited there",
    "other": "`hidden_states` is something else; the input of every block can be read and edited",
    "refused": "not one stream of `[batch, seq, d_model]`; asking for it raises an error that says why",
    "failed": "a check failed",
}
SHORT = {"equal": "equal", "other": "other `hidden_states`", "refused": "not one stream", "failed": "failed"}


def result(row: Row) -> str:
    """How a row came out: a key of `RESULTS`."""
    if row.outcome != "done":
        return "failed"
    if not row.addressable:
        return "refused"
    if any(check["passed"] is False for name, check in row.checks.items() if name != EQUAL):
        return "failed"
    if row.passed(EQUAL):
        return "equal"
    # A meaning that was recognised is no verdict (None); numbers that are merely different are a failure.
    return "other" if row.passed(EQUAL) is None else "failed"


def remarks(row: Row) -> list[str]:
    """What is to be said about a row beyond its line in the table, in sentences as they were measured."""
    if row.outcome != "done":
        return [f"The process of this type did not end well ({row.outcome}): {row.detail}."]
    said = [_sentence(row.reason)] if row.reason else []
    for name, check in row.checks.items():
        applies = name in (EQUAL, "calls in generate") and check["passed"] is None
        if (applies or check["passed"] is False) and check["detail"] not in (row.reason or ""):
            said.append(f"*{name}*: {_marked(check['detail'])}.")
    if "not called on text" in row.checks["blocks found"]["detail"]:
        said.append(_sentence(row.checks["blocks found"]["detail"]))
    return said


# What is code in the words of a check: hidden_states[i], [batch, seq, d_model], model.norm.
_TECHNICAL = re.compile(r"hidden_states(?:\[[^]]*])?|\[[^]]*d_model[^]]*]|\b[A-Za-z_]\w*(?:\.\w+)+")


def _marked(words: str) -> str:
    return _TECHNICAL.sub(lambda found: f"`{found[0]}`", words)


def _sentence(words: str) -> str:
    return _marked(words[:1].upper() + words[1:]) + "."


def _exceptions(rows: tuple[Row, ...]) -> list[list[Row]]:
    """Rows with remarks; those that say the same stand together."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for each in rows:
        said = remarks(each)
        if said:
            groups.setdefault((*said, WHY.get(each.model_type, "")), []).append(each)
    return list(groups.values())


def _line(row: Row, anchors: dict[str, str]) -> str:
    verdict = SHORT[result(row)]
    if row.model_type in anchors:
        verdict = f"[{verdict}](#{_anchor(anchors[row.model_type])})"
    middle = {True: "yes", False: "no", None: ""}[row.mid_stream]
    cells = (_code(row.model_type), verdict, row.returns or "", middle, _code(row.terms))
    return "| " + " | ".join((*cells, _code(row.blocks_path), _code(row.model_class))) + " |\n"


def _code(words: str | None) -> str:
    return f"`{words}`" if words else ""


def _section(rows: list[Row]) -> str:
    first = rows[0]
    names = ", ".join(each.model_type for each in rows)
    said = remarks(first)
    why = WHY.get(first.model_type)
    body = " ".join([*said, *([_marked(why)] if why else [])])
    return f"\n### {names} {{ #{_anchor(first.model_type)} }}\n\n{body}\n"


def _anchor(model_type: str) -> str:
    return f"type-{model_type.replace('_', '-').replace('.', '-')}"


def main(arguments: list[str] | None = None) -> int:
    """The command; 1 where the page is stale and `--check` is given."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.atlas.atlas_page", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the page is stale")
    parser.add_argument("--docs", type=Path, default=Path("docs"))
    options = parser.parse_args(arguments)
    target = options.docs / "reference" / "atlas.md"
    text = page(read(options.docs / "reference" / "atlas.json"))
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return 0
    if options.check:
        print(f"stale: {target}\nmend with: python -m tools.atlas.atlas_page")
        return 1
    target.write_text(text, encoding="utf-8")
    print(f"wrote {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
