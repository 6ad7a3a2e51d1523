"""What a student gets back, as Markdown."""

import re
from collections.abc import Iterable

from tutorial_lib.checker.report import CheckResult, model_name
from tutorial_lib.course.results import GradedAnswer, GradedStudent, Grades

_WORDS = ((True, "passed"), (False, "**failed**"))


def feedback(graded: GradedStudent, grades: Grades) -> str:
    """A student's page. Of a hidden check it says the title and whether it passed, not what it expects."""
    name = " ".join(filter(None, (graded.student.first_name, graded.student.last_name))) or graded.student.id
    lines = [f"# {grades.course}: {name}", "", f"**{graded.score} of {graded.max_score} points.**", ""]
    if graded.submission is None:
        return "\n".join([*lines, "Nothing was handed in.", ""])
    when = f", {graded.submission.time}" if graded.submission.time else ""
    lines += [f"Graded: {code(graded.submission.name)}{when}.", ""]
    if graded.submission.notes:
        lines += [*(f"- {code(note)}" for note in graded.submission.notes), ""]
    lines += ["| exercise | result | points |", "|---|---|---|"]
    lines += [f"| {_title(a)} | {a.outcome} | {a.score} of {a.exercise.points} |" for a in graded.answers]
    for answer in graded.answers:
        lines += ["", *_section(answer)]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """A text of unknown origin as inline code: nothing in it is taken for Markdown or HTML."""
    line = " ".join(text.split()) or " "
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{pad}{line}{pad}{ticks}"


def block(text: str) -> list[str]:
    """A text of unknown origin as a fence that it cannot end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return [f"{ticks}text", *text.splitlines(), ticks]


def _title(answer: GradedAnswer) -> str:
    return f"{answer.exercise.title} {code(answer.exercise.name)}"


def _section(answer: GradedAnswer) -> list[str]:
    report = answer.for_student
    lines = [
        f"## {_title(answer)}",
        "",
        f"{report.outcome.capitalize()}, {answer.score} of {answer.exercise.points}.",
    ]
    if report.message:
        lines += ["", *block(report.message)]
    first = report.first
    if first is not None and not first.hidden:
        facts = {
            "on": model_name(first.model),
            "expected": first.expected,
            "seen": first.seen,
            "read": first.see,
        }
        lines += ["", *(f"- {name}: {code(value)}" for name, value in facts.items() if value)]
    if first is None and report.see:
        lines += ["", f"- read: {code(report.see)}"]
    if report.results:
        lines += ["", *_checks(report.results)]
    if report.printed and not report.passed:
        lines += ["", "Your code printed:", "", *block(report.printed)]
    return lines


def _checks(results: Iterable[CheckResult]) -> list[str]:
    """A line for each check, with the models on which it passed and failed."""
    models: dict[tuple[str, bool], dict[bool, list[str]]] = {}
    for result in results:
        by_verdict = models.setdefault((result.title, result.hidden), {True: [], False: []})
        by_verdict[result.passed].append(model_name(result.model))
    lines = []
    for (title, hidden), by_verdict in models.items():
        verdicts = [
            f"{word} on {', '.join(by_verdict[passed])}" for passed, word in _WORDS if by_verdict[passed]
        ]
        lines.append(f"- {title}{' (hidden)' if hidden else ''}: {'; '.join(verdicts)}")
    return lines
