"""Who takes the course."""

import csv
import re
from dataclasses import dataclass, fields
from pathlib import Path

from tutorial_lib.course import CourseError

# An id becomes the name of files and folders, on Windows too.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Student:
    """One row of a roster. Only the id is needed; the others are for the files of other systems.

    Attributes:
        id: the column `student_id`.
        first_name, last_name, email: as nbgrader and Canvas show them.
        github: login there, by which a checkout can be named.
        section, canvas_id, sis_user_id, sis_login_id: the columns `Section`, `ID`, `SIS User ID` and
            `SIS Login ID` of Canvas.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    github: str = ""
    section: str = ""
    canvas_id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""

    @property
    def sortable_name(self) -> str:
        """ "Lovelace, Ada", or the id where there is no name."""
        return ", ".join(filter(None, (self.last_name, self.first_name))) or self.id


COLUMNS = ("student_id", *(field.name for field in fields(Student) if field.name != "id"))


def read_roster(file: Path) -> dict[str, Student]:
    """The students of a CSV file by id, in the order of the file.

    Raises:
        CourseError: no file, an unknown or missing column, an id twice or one that can be no file's name.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="more", restval="")
            columns, rows = reader.fieldnames or (), list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CourseError(f"{file}: {error}") from error
    if "student_id" not in columns:
        raise CourseError(f"{file}: no column 'student_id', only {list(columns)}")
    if unknown := sorted(set(columns) - {*COLUMNS}):
        raise CourseError(f"{file}: unknown columns {unknown}; known are {list(COLUMNS)}")
    students: dict[str, Student] = {}
    for number, row in enumerate(rows, start=2):
        where = f"{file}, line {number}"
        if "more" in row:
            raise CourseError(f"{where}: {len(row) - 1 + len(row['more'])} cells for {len(columns)} columns")
        values = {name: value.strip() for name, value in row.items()}
        student = Student(values.pop("student_id"), **values)
        check_id(student.id, where)
        if student.id.casefold() in (known.casefold() for known in students):
            raise CourseError(f"{where}: {student.id!r} is there already")
        students[student.id] = student
    return students


def check_id(text: str, where: str) -> None:
    """That a text can be the id of a student or the name of a course.

    Raises:
        CourseError: it cannot.
    """
    if not _ID.fullmatch(text) or _RESERVED.fullmatch(text) or text.endswith("."):
        raise CourseError(
            f"{where}: {text!r} cannot name files; use letters, digits and . _ @ + -, at most 64, "
            "starting with a letter or digit"
        )
