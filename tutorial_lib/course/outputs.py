"""Every file of a grading run.

grades.json                         ours; see results.py
junit.xml  nbgrader.csv  canvas.csv
summary.md  summary.html            the class
feedback/<student>.md               for the student
receipts/<student>.json             signed
gradescope/<student>/results.json   for the student
classroom50/<student>/result.json
github-classroom/<student>/result.json
"""

import json
import os
from pathlib import Path
from typing import Any

from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.feedback import feedback
from tutorial_lib.course.formats.canvas import canvas_sheet, fill_canvas
from tutorial_lib.course.formats.classroom import classroom50, github_classroom
from tutorial_lib.course.formats.gradescope import gradescope
from tutorial_lib.course.formats.junit import junit
from tutorial_lib.course.formats.nbgrader_csv import nbgrader_csv
from tutorial_lib.course.receipts import receipt
from tutorial_lib.course.results import Grades
from tutorial_lib.course.summary import summary_html, summary_markdown
from tutorial_lib.files import write_whole


def write_outputs(
    grades: Grades, bundle: Bundle, out: Path, *, canvas: Path | None = None
) -> tuple[str, ...]:
    """Write all files of a run into its folder; each takes the place of an older one at once.

    Args:
        grades: to write.
        bundle: signs the receipts.
        out: the folder.
        canvas: an exported gradebook to fill. None: a new sheet is made.

    Returns:
        What of Canvas' gradebook does not fit.
    """
    sheet = fill_canvas(grades, canvas) if canvas else canvas_sheet(grades)
    files = {
        "grades.json": _json(grades.to_dict()),
        "junit.xml": junit(grades),
        "nbgrader.csv": nbgrader_csv(grades),
        "canvas.csv": sheet.text,
        "summary.md": summary_markdown(grades),
        "summary.html": summary_html(grades),
    }
    for graded in grades.students:
        name = graded.student.id
        files[f"feedback/{name}.md"] = feedback(graded, grades)
        files[f"receipts/{name}.json"] = _json(receipt(graded, grades, bundle.secret))
        files[f"gradescope/{name}/results.json"] = _json(gradescope(graded))
        files[f"classroom50/{name}/result.json"] = _json(classroom50(graded, grades, os.environ))
        files[f"github-classroom/{name}/result.json"] = _json(github_classroom(graded))
    for path, text in files.items():
        # An answer may have put half a character into a message, which UTF-8 cannot hold.
        write_whole(out / path, text.encode("utf-8", "backslashreplace").decode("utf-8"))
    return sheet.notes


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
