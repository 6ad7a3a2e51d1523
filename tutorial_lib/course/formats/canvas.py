"""A gradebook for Canvas: a new sheet, or the one that Canvas exported with our cells filled in.

Canvas finds students by `ID`, `SIS User ID`, `SIS Login ID` or name, and assignments by "Title (id)". An
import changes every cell that it has, so all other columns of an export stay as they are.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tutorial_lib.course import CourseError
from tutorial_lib.course.results import GradedStudent, Grades

FIXED = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS = "Points Possible"


@dataclass(frozen=True)
class FilledSheet:
    """A gradebook, and what of it does not fit.

    Attributes:
        text: the CSV.
        columns: that were filled.
        notes: students and exercises that are in one and not in the other.
    """

    text: str
    columns: tuple[str, ...]
    notes: tuple[str, ...] = ()


def canvas_sheet(grades: Grades) -> FilledSheet:
    """A new sheet, a column an exercise. Canvas makes assignments of columns that it does not know."""
    names = [exercise.name for exercise in grades.exercises]
    rows = [[*FIXED, *names], [f"    {POINTS}", "", "", "", "", *(str(e.points) for e in grades.exercises)]]
    for graded in grades.students:
        who = graded.student
        about = [who.sortable_name, who.canvas_id, who.sis_user_id, who.sis_login_id, who.section]
        rows.append([*about, *(str(answer.score) for answer in graded.answers)])
    return FilledSheet(_text(rows), tuple(names))


def fill_canvas(grades: Grades, export: Path) -> FilledSheet:
    """The gradebook of an export with the scores in the columns that are named after an exercise.

    A column is an exercise's if it has its name or title, and the whole course's if it has the course's name;
    the number that Canvas adds, as in "Title (123)", does not matter.

    Raises:
        CourseError: it is no gradebook, or no column is ours.
    """
    rows = _read(export)
    header = rows[0]
    columns = _columns(header, grades)
    if not columns:
        names = [grades.course, *(exercise.name for exercise in grades.exercises)]
        raise CourseError(f"{export}: no column is named after the course or an exercise: {', '.join(names)}")
    filled = {index: column for column, index in columns.items()}
    left = {graded.student.id: graded for graded in grades.students}
    notes = [f"no column for {e.name}" for e in grades.exercises if e.name not in columns]
    for row in rows[1:]:
        row += [""] * (len(header) - len(row))
        if POINTS in row[0] or not row[0].strip():  # no student's: points, "Manual Posting", nothing
            continue
        found = [graded for graded in grades.students if _is(graded, dict(zip(header, row, strict=False)))]
        if len(found) != 1:
            reason = "fits no student" if not found else "fits " + " and ".join(g.student.id for g in found)
            notes.append(f"the row of {row[0]!r} {reason}; left as it is")
            continue
        left.pop(found[0].student.id, None)
        for index, column in filled.items():
            row[index] = str(_score(found[0], column, grades))
    notes += [f"no row for {student}" for student in left]
    return FilledSheet(_text(rows), tuple(header[index] for index in filled), tuple(notes))


def _columns(header: Sequence[str], grades: Grades) -> dict[str, int]:
    """Index by name of the exercise, or of the course."""
    titles = {exercise.title: exercise.name for exercise in grades.exercises}
    names = {exercise.name for exercise in grades.exercises} | {grades.course}
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        plain = re.sub(r" \(\d+\)$", "", cell.strip())
        name = plain if plain in names else titles.get(plain)
        if name is not None and cell not in FIXED:
            found.setdefault(name, index)
    return found


def _is(graded: GradedStudent, row: dict[str, str]) -> bool:
    """Whether a row is a student's, by the first of Canvas' ids that both have."""
    who = graded.student
    login = {who.id, who.email, who.sis_login_id} - {""}
    pairs = (
        (row.get("ID", ""), {who.canvas_id} - {""}),
        (row.get("SIS User ID", ""), {who.sis_user_id} - {""}),
        (row.get("SIS Login ID", ""), login),
    )
    for cell, known in pairs:
        if cell.strip() and known:
            return cell.strip() in known
    return row.get("Student", "").strip() == who.sortable_name


def _score(graded: GradedStudent, column: str, grades: Grades) -> int:
    if column == grades.course:
        return graded.score
    return next(answer.score for answer in graded.answers if answer.exercise.name == column)


def _read(export: Path) -> list[list[str]]:
    try:
        text = export.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CourseError(f"{export}: {error}") from error
    first = text.partition("\n")[0]
    rows = list(csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","))
    if len(rows) < 2 or not {"Student", "ID", "Section"} <= {cell.strip() for cell in rows[0]}:
        raise CourseError(f"{export} is no gradebook of Canvas: its first row must have Student, ID, Section")
    return rows


def _text(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
