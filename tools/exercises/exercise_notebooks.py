"""Write the exercises as notebooks, one a topic: `python -m tools.exercises.exercise_notebooks [--check]`.

The folders of the exercises are the only source. A notebook has, for each exercise, the task, a cell with the
starter, a cell that checks, and the hints, folded; it has no solutions. With `--check` nothing is written: it
names the notebooks that are stale, and those whose topic is gone.
"""

from __future__ import annotations

import html
import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell, new_markdown_cell

from tools.exercises.exercise_words import linked, task_below_title, topic_title
from tools.notebooks import install_cell
from tools.notebooks.notebooks import notebook_text
from tools.reference.generated import bring_up_to_date, parser
from tutorial_lib.exercises.catalog import Exercise, find_exercises

INTRODUCTION = """\
# Exercises: {title}

{count}, about {minutes} minutes. Run the first cell before all others. Write each answer into the cell with
its starter and run it; the cell below checks it on small models with fresh random inputs, without a network.

*Made from `{folder}` in the repository: edit that, not this notebook.*"""

INSTALL = f"{install_cell.source('../../..')}\n\nfrom tutorial_lib.exercises import exercise"

TASK = """\
## {title}

*{difficulty}, {minutes} minutes, {points}. {before}Read {section}.*

{task}"""


def cells_of_topic(topic: str, exercises: list[Exercise]) -> list[Any]:
    """The cells of a notebook."""
    minutes = sum(e.minutes for e in exercises)
    count = "1 exercise" if len(exercises) == 1 else f"{len(exercises)} exercises"
    title = topic_title(topic).lower()
    folder = f"tutorial_lib/exercises/{topic}"
    text = INTRODUCTION.format(title=title, count=count, minutes=minutes, folder=folder)
    cells = [new_markdown_cell(text), new_code_cell(INSTALL, metadata={"tags": [install_cell.TAG]})]
    for each in exercises:
        cells += cells_of(each)
    return cells


def cells_of(exercise: Exercise) -> list[Any]:
    """The cells of an exercise: task, starter, check, hints."""
    check = new_code_cell(f'exercise("{exercise.name}").check({exercise.answer})')
    return [
        new_markdown_cell(_task(exercise)),
        new_code_cell(exercise.starter.strip()),
        check,
        new_markdown_cell(_hints(exercise)),
    ]


def _task(exercise: Exercise) -> str:
    points = "1 point" if exercise.points == 1 else f"{exercise.points} points"
    before = f"Do {', '.join(f'`{name}`' for name in exercise.prerequisites)} before. "
    section = f"[the section that teaches it](../../{exercise.chapter})"
    if len(exercise.reading) > 1:
        section += f" and [the pitfall](../../{exercise.pitfall})"
    return TASK.format(
        title=exercise.title,
        difficulty=exercise.difficulty.capitalize(),
        minutes=exercise.minutes,
        points=points,
        section=section,
        before=before if exercise.prerequisites else "",
        task=task_below_title(exercise),
    )


def _hints(exercise: Exercise) -> str:
    """Each step folded; what is in one may be seen without the others."""
    folded = [
        f"<details><summary>Hint {number} of {len(exercise.hints)}: {_inline(hint.title)}</summary>\n\n"
        f"{linked(hint.text)}\n\n</details>"
        for number, hint in enumerate(exercise.hints, start=1)
    ]
    return "\n".join(folded)


def _inline(title: str) -> str:
    """A title within HTML, where Markdown is not read."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(title, quote=False))


def made(docs: Path, exercises: dict[str, Exercise]) -> dict[Path, str]:
    """Each notebook and its text."""
    topics = groupby(exercises.values(), lambda exercise: exercise.topic)
    folder = docs / "exercises" / "notebooks"
    return {folder / f"{topic}.ipynb": notebook_text(cells_of_topic(topic, list(es))) for topic, es in topics}


def main(arguments: list[str] | None = None) -> int:
    """Write the notebooks, or with `--check` name those that are not current."""
    options_of = parser(__doc__)
    options_of.add_argument(
        "--exercises", type=Path, help="a folder of exercises; those of the package otherwise"
    )
    options = options_of.parse_args(arguments)
    docs = options.docs.resolve()
    exercises = find_exercises(options.exercises) if options.exercises else find_exercises()
    return bring_up_to_date(
        made(docs, exercises),
        (docs / "exercises" / "notebooks").glob("*.ipynb"),
        options,
        tool="exercise_notebooks.py",
        stale_is=lambda to: " is not what the exercises say",
        orphan_is=" has no exercises",
    )


if __name__ == "__main__":
    sys.exit(main())
