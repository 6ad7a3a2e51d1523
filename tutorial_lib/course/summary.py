"""The class on one page: which exercises went well, and which misconceptions are common."""

import html
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from tutorial_lib.checker.report import FAILED, NOT_ATTEMPTED, PASSED
from tutorial_lib.course.feedback import code
from tutorial_lib.course.results import NOT_SUBMITTED, GradedAnswer, Grades

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { border-bottom: 1px solid #999; padding: .3rem .6rem; text-align: left; vertical-align: top; }
code { overflow-wrap: anywhere; }
"""


@dataclass(frozen=True)
class Table:
    """Rows of plain text under a heading."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def summary_markdown(grades: Grades) -> str:
    """The content of `summary.md`."""
    lines = [f"# {grades.course}", "", _lead(grades), ""]
    for table in _tables(grades):
        lines += [
            f"## {table.title}",
            "",
            "| " + " | ".join(table.head) + " |",
            "|---" * len(table.head) + "|",
        ]
        lines += ["| " + " | ".join(_cell(text) for text in row) + " |" for row in table.rows]
        lines += [] if table.rows else ["| none |" + " |" * (len(table.head) - 1)]
        lines += [""]
    return "\n".join(lines)


def summary_html(grades: Grades) -> str:
    """The content of `summary.html`: one file that fetches nothing."""
    title = html.escape(grades.course)
    parts = [
        "<!doctype html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{html.escape(_lead(grades))}</p>",
    ]
    for table in _tables(grades):
        head = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in table.head)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>\n"
            for row in table.rows
        )
        none = f'<tr><td colspan="{len(table.head)}">none</td></tr>' if not table.rows else ""
        parts.append(f"<h2>{html.escape(table.title)}</h2>\n<table><thead><tr>{head}</tr></thead>")
        parts.append(f"<tbody>\n{body}{none}</tbody></table>")
    return "\n".join([*parts, "</main></body></html>", ""])


def _lead(grades: Grades) -> str:
    handed_in = sum(graded.submission is not None for graded in grades.students)
    scores = sorted(graded.score for graded in grades.students if graded.submission is not None)
    most = sum(exercise.points for exercise in grades.exercises)
    middle = f"; the median of these is {scores[len(scores) // 2]} of {most} points" if scores else ""
    return f"{handed_in} of {len(grades.students)} students handed something in{middle}."


def _tables(grades: Grades) -> list[Table]:
    return [
        _exercises(grades),
        _misconceptions(grades.answers),
        _others(grades.answers),
        _students(grades),
        Table(
            "What did not count",
            ("submission", "what", "why"),
            tuple((problem.submission, problem.kind, problem.message) for problem in grades.problems),
        ),
    ]


def _exercises(grades: Grades) -> Table:
    rows = []
    for index, exercise in enumerate(grades.exercises):
        outcomes = Counter(graded.answers[index].outcome for graded in grades.students)
        none = outcomes[NOT_SUBMITTED] + outcomes[NOT_ATTEMPTED]
        other = outcomes.total() - outcomes[PASSED] - outcomes[FAILED] - none
        rows.append(
            (
                exercise.name,
                *(str(n) for n in (outcomes[PASSED], outcomes[FAILED], other, none, exercise.points)),
            )
        )
    head = ("exercise", "passed", "wrong", "did not run", "not attempted", "points")
    return Table("Exercises", head, tuple(rows))


def _misconceptions(answers: Iterable[GradedAnswer]) -> Table:
    found: dict[tuple[str, str], list[GradedAnswer]] = defaultdict(list)
    for answer in answers:
        if answer.outcome == FAILED and answer.report.misconception:
            found[answer.exercise.name, answer.report.misconception].append(answer)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    rows = []
    for (exercise, misconception), same in ordered:
        first = same[0].report.first
        assert first is not None
        hidden = " (hidden check)" if first.hidden else ""
        rows.append(
            (str(len(same)), exercise, misconception + hidden, same[0].report.message, first.see or "")
        )
    return Table("Misconceptions", ("students", "exercise", "misconception", "message", "read"), tuple(rows))


def _others(answers: Iterable[GradedAnswer]) -> Table:
    """What ended otherwise than right, wrong or unwritten: crashes, refusals, time."""
    ordinary = (PASSED, FAILED, NOT_ATTEMPTED, NOT_SUBMITTED)
    counted = Counter((a.exercise.name, a.outcome) for a in answers if a.outcome not in ordinary)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    rows = tuple((str(count), exercise, outcome) for (exercise, outcome), count in ordered)
    return Table("What did not run", ("students", "exercise", "result"), rows)


def _students(grades: Grades) -> Table:
    rows = []
    for graded in grades.students:
        submission = graded.submission
        notes = "; ".join(submission.notes) if submission else ""
        name = submission.name if submission else "-"
        rows.append((graded.student.id, f"{graded.score} of {graded.max_score}", name, notes))
    return Table("Students", ("student", "points", "submission", "notes"), tuple(rows))


def _cell(text: str) -> str:
    return text if re.fullmatch(r"[\w ,;./-]*", text) else code(text).replace("|", "\\|")
