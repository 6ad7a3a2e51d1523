"""Write the site's pages of the exercises.

    python -m tools.exercises.exercise_pages [--check] [--docs docs]

Each exercise's folder is the only source of its page; the overview and the list in mkdocs.yml come from all
of them. With `--check` nothing is written: it names what is stale, and pages whose exercise is gone.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from tools import ROOT
from tools.exercises.exercise_words import linked, task_below_title, topic_title
from tools.reference.anchors import HEADING, anchor_of
from tools.reference.generated import between, bring_up_to_date, parser
from tutorial_lib.exercises.catalog import DIFFICULTIES, Exercise, ExerciseError, find_exercises

FIRST_HOUR = 60
OUTPUT = "<!--pytest-codeblocks:expected-output-->"
BEGIN, END = (
    "      # The exercises, by tools/exercises/exercise_pages.py:",
    "      # The end of the exercises.",
)
SOURCE = "<!-- Made from {folder} by tools/exercises/exercise_pages.py: edit there. -->"
OVERVIEW = """\
---
description: {count} exercises on hooks in transformers that check themselves, and a path through them.
---

# Exercises

<!-- Made by tools/exercises/exercise_pages.py from the folders in tutorial_lib/exercises. -->

{count} exercises, {minutes} minutes, {points} points. Each asks for one function. The checks run it on the
[model in the box](../reference/model-in-the-box.md) and on other architectures, tiny and random, with new
inputs every time. They compare no stored numbers; they test what must hold of any right answer. When yours is
wrong, they say what you did, what was expected, what was seen, and where to read.

## Start

[Install the package](../index.md#install-it) first; it brings the command.

```text
hooking start my-exercises   # writes the exercises into a folder, one file each
cd my-exercises
hooking list                 # what there is, what is done, what comes next
hooking check --watch        # checks the next one each time you save
hooking hint NAME            # one more step each time
hooking solution NAME        # after you passed, or when you insist
hooking reset NAME           # back to the starter; your file is kept
```

All of it works offline, on a CPU. In a notebook the same checks are
`exercise("{example.name}").check({example.answer})`; [notebooks](#as-notebooks) with all of them are below.

## A path

Do them in the order of the tables: each builds on the chapters before it, and on the exercises that it names.
{first_hour}

{tables}
## Who checks the checks

A check that accepts everything teaches nothing. So the tests of this site run

- {count} starters, which come out as not attempted;
- {count} solutions, which pass on every model of their exercise: {solutions} runs;
- {wrong} wrong answers, such as learners give, on every model as well: {runs} runs. In {rejected} of them the
  answer is rejected with the message that names its own misconception; in {right} the misconception makes no
  difference on that model, and the answer passes.

There are {architectures} kinds of model: the one in the box and {names}. An empty file, a syntax error,
a crash, an early exit and a loop without end are told apart.

## As notebooks

One notebook a topic, with the tasks, the starters and the checks, to download and run:
{notebooks}.
"""


def page(exercise: Exercise, known: dict[str, Exercise]) -> str:
    """The page of one exercise."""
    source = exercise.folder.relative_to(ROOT).as_posix()
    parts = [
        f"---\ndescription: {_description(exercise)}\n---",
        f"# {exercise.title}",
        SOURCE.format(folder=source),
        _facts(exercise, known),
        task_below_title(exercise),
        "## Begin with",
        _python(exercise.starter),
        "## Check it",
        "Put your answer into the file that `hooking start DIR` made for it, then:",
        f"```text\nhooking check {exercise.name}\n```",
        f'In a notebook: `exercise("{exercise.name}").check({exercise.answer})`, after\n'
        "`from tutorial_lib.exercises import exercise`.",
        "## Hints",
        *[
            _folded("question", f"Step {n}: {hint.title}", linked(hint.text))
            for n, hint in enumerate(exercise.hints, 1)
        ],
        "## Solution",
        _folded("success", "Show the solution", _solution(exercise)),
    ]
    return "\n\n".join(parts) + "\n"


def overview(known: dict[str, Exercise]) -> str:
    """The page that lists all exercises."""
    all_of_them = list(known.values())
    first = _first_hour(all_of_them)
    names = "\n".join(f"1. [{e.title}]({e.name}.md), {e.minutes} minutes" for e in first)
    minutes = sum(e.minutes for e in first)
    topics = [topic for topic, _ in groupby(all_of_them, lambda e: e.topic)]
    return OVERVIEW.format(
        count=len(all_of_them),
        minutes=sum(e.minutes for e in all_of_them),
        points=sum(e.points for e in all_of_them),
        example=all_of_them[0],
        first_hour=f"With one hour, do these ({minutes} minutes):\n\n{names}" if first else "",
        tables="\n".join(
            _table(topic, [e for e in all_of_them if e.topic == topic], known) for topic in topics
        ),
        **_gate(all_of_them),
        notebooks=",\n".join(f"[{topic_title(topic)}](notebooks/{topic}.ipynb)" for topic in topics),
    )


def nav(known: dict[str, Exercise]) -> str:
    """The lines of mkdocs.yml that list the pages."""
    lines = ["      - exercises/index.md"]
    for topic, members in groupby(known.values(), lambda e: e.topic):
        lines.append(f"      - {topic_title(topic)}:")
        lines += [f"          - {_yaml(e.title)}: exercises/{e.name}.md" for e in members]
    return "\n".join(lines)


def made(known: dict[str, Exercise], docs: Path, config: str) -> dict[Path, str]:
    """Every file that is made from the exercises, with its text."""
    files = {docs / "exercises" / f"{name}.md": page(e, known) for name, e in known.items()}
    files[docs / "exercises" / "index.md"] = overview(known)
    files[docs.parent / "mkdocs.yml"] = between(config, BEGIN, END, f"\n{nav(known)}\n")
    return files


def _facts(exercise: Exercise, known: dict[str, Exercise]) -> str:
    before = ", ".join(f"[{known[name].title}](../{name}.md)" for name in exercise.prerequisites)
    places = " and ".join(_section(link) for link in exercise.reading)
    lines = [
        f"**{exercise.difficulty.capitalize()}**, about {exercise.minutes} minutes, "
        f"{exercise.points} point{'s' * (exercise.points != 1)}. `{exercise.name}`<br>",
        f"**Read** {places}" + ("<br>" if before else ""),
    ]
    if before:
        lines.append(f"**Do before** {before}")
    return '!!! abstract ""\n\n' + textwrap.indent("\n".join(lines), "    ")


def _section(link: str) -> str:
    """A link to a section of a page, with the titles of both."""
    page, _, anchor = link.partition("#")
    headings = HEADING.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    section = next((heading for heading in headings if anchor_of(heading) == anchor), None)
    if section is None:
        raise ExerciseError(f"{link} is no section of a page")
    return f"[{headings[0]}: {section}](../../{link})"


def _solution(exercise: Exercise) -> str:
    check = (
        f"from tutorial_lib.exercises import exercise\n\n"
        f'print(exercise("{exercise.name}").check({exercise.answer}).outcome)\n'
    )
    return f"{_python(exercise.solution)}\n\n{_python(check)}\n\n{OUTPUT}\n\n```text\npassed\n```"


def _table(topic: str, members: list[Exercise], known: dict[str, Exercise]) -> str:
    rows = []
    for e in members:
        before = ", ".join(f"[{known[name].title}]({name}.md)" for name in e.prerequisites)
        rows.append(f"| [{e.title}]({e.name}.md) | {e.difficulty} | {e.minutes} | {e.points} | {before} |")
    head = "| Exercise | Difficulty | Minutes | Points | Do before |\n| --- | --- | ---: | ---: | --- |"
    return f"## {topic_title(topic)}\n\n{head}\n" + "\n".join(rows) + "\n"


def _gate(exercises: list[Exercise]) -> dict[str, object]:
    """What tests/exercises/test_exercises.py runs, counted."""
    pairs = [(e, wrong) for e in exercises for wrong in e.wrong]
    models = sorted({model for e in exercises for model in e.models} - {"box"})
    runs = sum(len(e.models) for e, _ in pairs)
    right = sum(len(wrong.right_on) for _, wrong in pairs)
    return {
        "solutions": sum(len(e.models) for e in exercises),
        "wrong": len(pairs),
        "runs": runs,
        "rejected": runs - right,
        "right": right,
        "architectures": len(models) + 1,
        "names": "tiny random ones of " + ", ".join(models),
    }


def _first_hour(exercises: Iterable[Exercise]) -> list[Exercise]:
    """The easiest exercise of each topic that needs nothing but the ones before it, while the hour lasts."""
    chosen: list[Exercise] = []
    for _, members in groupby(exercises, lambda e: e.topic):
        for e in sorted(members, key=lambda e: (DIFFICULTIES.index(e.difficulty), e.minutes)):
            needed = set(e.prerequisites) - {c.name for c in chosen}
            if not needed and sum(c.minutes for c in chosen) + e.minutes <= FIRST_HOUR:
                chosen.append(e)
                break
    return chosen


def _description(exercise: Exercise) -> str:
    return _yaml(f"Exercise, {exercise.difficulty}, {exercise.minutes} minutes: {exercise.title}")


def _yaml(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _python(code: str) -> str:
    return f"```python\n{code.strip()}\n```"


def _folded(kind: str, title: str, text: str) -> str:
    quoted = title.replace('"', "'")
    return f'??? {kind} "{quoted}"\n\n' + textwrap.indent(text.strip(), "    ")


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    config = (docs.parent / "mkdocs.yml").read_text(encoding="utf-8")
    files = made(find_exercises(), docs, config)
    pages = (docs / "exercises").rglob("*.md")
    return bring_up_to_date(
        files, pages, options, tool="exercises.exercise_pages", orphan_is=" has no exercise"
    )


if __name__ == "__main__":
    sys.exit(main())
