"""Write the explorer of chapter 4, its data and its plain tables.

    python -m tools.pictures.explorer [--check]

The data are numbers of the model in the box, rounded. Another machine may round the last digit the other way,
so committed data that agree with what is computed here up to that digit are kept as they are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

from tools.pictures.explorer_data import explorer_data
from tools.reference.generated import between, bring_up_to_date, parser

PAGE = "chapters/4-residual-stream.md"
DATA = "assets/explorer.json"
BEGIN, END = "<!-- The explorer, by tools/pictures/explorer.py. -->", "<!-- The end of the explorer. -->"
SHOWN = (-1.0, 0.0, 1.0, 2.0, 3.0)  # of the coefficients, in the table
PART = """\
<div class="explorer" markdown>

*{text}*, untouched. The most likely word of every stream at every position:

{words}

The norm of the same streams:

{norms}

What the model says when a vector is added, by the coefficient:

{says}

</div>"""


def agree(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two data are the same up to the last digit of their numbers.

    Of words that are about as likely as each other, either may come first.
    """
    if not (one.keys() == other.keys() and one["coefficients"] == other["coefficients"]):
        return False
    shapes = [json.dumps([_without_runs(prompt) for prompt in data["prompts"]]) for data in (one, other)]
    if shapes[0] != shapes[1]:
        return False
    pairs = list(zip(_runs(one), _runs(other), strict=True))
    return all(_run_agrees(a, b, one["words"], other["words"]) for a, b in pairs)


def _without_runs(prompt: dict[str, Any]) -> dict[str, Any]:
    vectors = [{"name": vector["name"], "runs": len(vector["runs"])} for vector in prompt["vectors"]]
    return {**prompt, "vectors": vectors}


def _runs(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for prompt in data["prompts"]:
        for vector in prompt["vectors"]:
            yield from vector["runs"]


def _run_agrees(a: dict[str, Any], b: dict[str, Any], words_a: list[str], words_b: list[str]) -> bool:
    if a["says"] != b["says"] or len(a["cells"]) != len(b["cells"]):
        return False
    for row_a, row_b in zip(a["cells"], b["cells"], strict=True):
        if len(row_a) != len(row_b):
            return False
        for cell_a, cell_b in zip(row_a, row_b, strict=True):
            close = [abs(x - y) <= 1 for x, y in zip(cell_a, cell_b, strict=True)]
            if not all(close[:2]) or not all(close[3::2]):
                return False
            for n in range(2, len(cell_a), 2):
                if words_a[cell_a[n]] != words_b[cell_b[n]] and not _tied(cell_a, n):
                    return False
    return True


def _tied(cell: list[int], n: int) -> bool:
    """Whether the word at `n` is as likely as one beside it, or the last, whose follower is not known."""
    chances = cell[3::2]
    place = (n - 2) // 2
    beside = [chances[other] for other in (place - 1, place + 1) if 0 <= other < len(chances)]
    return place == len(chances) - 1 or any(abs(chances[place] - chance) <= 1 for chance in beside)


def part(data: dict[str, Any]) -> str:
    """The tables for readers without JavaScript, which the explorer takes the place of."""
    first = data["prompts"][0]
    untouched = first["vectors"][0]["runs"][data["coefficients"].index(0.0)]["cells"]
    words = [[f"{escaped(data['words'][cell[2]])} {percent(cell[3])}" for cell in row] for row in untouched]
    norms = [[f"{cell[0] / 10:g}" for cell in row] for row in untouched]
    head = ["stream", *(escaped(token) for token in first["tokens"])]
    return PART.format(
        text=first["text"],
        words=table(head, [[str(n), *row] for n, row in _from_above(words)]),
        norms=table(head, [[str(n), *row] for n, row in _from_above(norms)]),
        says=table(["prompt", "vector", *(f"{c:g}" for c in SHOWN)], list(_says(data))),
    )


def _from_above(rows: list[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """The rows with their numbers, the last stream first, as in the drawings."""
    return reversed(list(enumerate(rows)))


def _says(data: dict[str, Any]) -> Iterator[list[str]]:
    places = [data["coefficients"].index(coefficient) for coefficient in SHOWN]
    for prompt in data["prompts"]:
        for vector in prompt["vectors"]:
            said = [vector["runs"][place]["says"] for place in places]
            yield [f"… {' '.join(prompt['text'].split()[-4:])}", vector["name"], *map(escaped, said)]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def escaped(text: str) -> str:
    """As it stands in a cell; special tokens as code."""
    return f"`{text}`" if text.startswith("<") else text


def percent(thousandths: int) -> str:
    return f"{thousandths / 10:.0f}&nbsp;%"  # not to be broken before the sign


def compact(data: dict[str, Any]) -> str:
    """As JSON: a line for each run."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace('{"says"', '\n{"says"') + "\n"


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    file, page = docs / DATA, docs / PAGE
    data = explorer_data()
    if file.exists() and agree(before := json.loads(file.read_text(encoding="utf-8")), data):
        data = before
    text = between(page.read_text(encoding="utf-8"), BEGIN, END, f"\n\n{part(data)}\n\n")
    return bring_up_to_date({file: compact(data), page: text}, (), options, tool="explorer.py")


if __name__ == "__main__":
    sys.exit(main())
