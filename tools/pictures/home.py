"""Write the doors and the path of the home page: `python -m tools.pictures.home [--check] [--docs docs]`.

The minutes are those that the pages and the exercises state themselves. With `--check` nothing is written.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tools.reference.anchors import HEADING
from tools.reference.generated import between, bring_up_to_date, parser
from tutorial_lib.exercises.catalog import Exercise, find_exercises

# Each step is pages to read and exercises to do.
PATH = {
    "Hook": ("chapters/1-hook-basics.md", "01_hooks/print_a_shape"),
    "Read the stream": ("chapters/4-residual-stream.md", "03_residual/capture"),
    "Steer it": ("chapters/5-examples/steering.md", "04_steering/add_a_vector"),
    "Take a direction out": ("chapters/5-examples/ablation.md", "05_ablation/project_out"),
}
BEGIN, END = "<!-- The doors and the path, by tools/pictures/home.py. -->", "<!-- The end of the path. -->"
TIME = re.compile(r"^ *\*\*Time\*\* (\d+) minutes\.", re.MULTILINE)
PART = """\
<div class="grid cards doors" markdown>

- **[Read](chapters/1-hook-basics.md)**

    {chapters} chapters on {pages} pages, {reading}: from a first hook to causal tracing, and
    [every mistake](chapters/7-pitfalls/index.md) that we know.

- **[Run](exercises/index.md)**

    {exercises} exercises that check themselves, {doing}, offline, also
    [as notebooks](exercises/index.md#as-notebooks).

- **[Teach](instructors/index.md)**

    Release the exercises, collect, grade in isolation. [Plans](instructors/course-plan.md) for one lecture,
    one week, four weeks.

</div>

**A path for an afternoon**, {total}:
{{ .before-path }}

<div class="path" markdown>

{steps}

</div>"""


def minutes_of(page: Path) -> int | None:
    """The minutes that a page says it takes; None for an overview, which says it in other words."""
    found = TIME.search(page.read_text(encoding="utf-8"))
    return int(found[1]) if found else None


def in_words(minutes: int) -> str:
    """`175` is "2 h 55 min"."""
    hours, rest = divmod(minutes, 60)
    return " ".join(f"{number} {unit}" for number, unit in ((hours, "h"), (rest, "min")) if number)


def part(docs: Path, known: dict[str, Exercise]) -> str:
    """The doors and the path."""
    chapters = sorted((docs / "chapters").rglob("*.md"))
    times = [minutes for page in chapters if (minutes := minutes_of(page))]
    steps, total = [], 0
    for title, (page, exercise) in PATH.items():
        reading, doing = minutes_of(docs / page), known[exercise].minutes
        if reading is None:
            raise ValueError(f"docs/{page} does not say **Time** N minutes.")
        name = HEADING.findall((docs / page).read_text(encoding="utf-8"))[0]
        steps.append(
            f"1. **{title}**<br>\n"
            f"    [{name}]({page}), {reading} min<br>\n"
            f"    [{known[exercise].title}](exercises/{exercise}.md), {doing} min"
        )
        total += reading + doing
    return PART.format(
        chapters=len({page.relative_to(docs / "chapters").parts[0] for page in chapters}),
        pages=len(chapters),
        reading=in_words(sum(times)),
        exercises=len(known),
        doing=in_words(sum(exercise.minutes for exercise in known.values())),
        total=in_words(total),
        steps="\n".join(steps),
    )


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    home = docs / "index.md"
    path = f"\n\n{part(docs, find_exercises())}\n\n"
    files = {home: between(home.read_text(encoding="utf-8"), BEGIN, END, path)}
    return bring_up_to_date(files, (), options, tool="home.py")


if __name__ == "__main__":
    sys.exit(main())
