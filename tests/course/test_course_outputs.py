"""What a grading run writes for other systems: their formats, and nothing of a hidden check for students."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tutorial_lib.checker import report
from tutorial_lib.checker.report import CheckResult, Report
from tutorial_lib.course import CourseError
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.feedback import block, code
from tutorial_lib.course.formats.canvas import canvas_sheet, fill_canvas
from tutorial_lib.course.formats.classroom import classroom50
from tutorial_lib.course.formats.junit import junit
from tutorial_lib.course.formats.nbgrader_csv import COLUMNS, nbgrader_csv
from tutorial_lib.course.intake import Problem, Submission
from tutorial_lib.course.outputs import write_outputs
from tutorial_lib.course.receipts import is_genuine, receipt
from tutorial_lib.course.results import (
    NOT_SUBMITTED,
    CourseExercise,
    GradedAnswer,
    GradedStudent,
    Grades,
    without_report,
)
from tutorial_lib.course.roster import Student
from tutorial_lib.course.summary import summary_html, summary_markdown

MODELS = ("box", "gpt2")
A = CourseExercise("01_hooks/a", "The first", 2, MODELS, "c" * 64, None)
B = CourseExercise("02_more/b", "The second", 3, MODELS, "d" * 64, "e" * 64)
# In every text that an answer or a file name can put somewhere.
EVIL = "\x00\x1b[2J</td></testcase><script>alert(1)</script>|`````](x)\n# Passed\n```\n\ud800"
SECRET = b"s" * 32


def result(title: str, model: str = "box", passed: bool = True, **fields: Any) -> CheckResult:
    return CheckResult(title, model, passed, **fields)


def answered(
    exercise: CourseExercise, outcome: str, *results: CheckResult, message: str = ""
) -> GradedAnswer:
    first = next((found for found in results if not found.passed), None)
    told = first.message or "" if first else message
    made = Report(exercise.name, outcome, told, first, results, printed="printed text", seed=5)
    return GradedAnswer(exercise, made, "f" * 64, 5, 6, "2026-03-03T10:00:00Z", 1.25, {"limits": "on"})


PUBLIC = tuple(result("it holds", model) for model in MODELS)
HIDDEN_FAILURE = result(
    "also for one row",
    passed=False,
    misconception="drops_the_batch",
    message="MUST NOT BE SEEN 1",
    expected="MUST NOT BE SEEN 2",
    seen="MUST NOT BE SEEN 3",
    see="chapters/x.md#must-not-be-seen",
    hidden=True,
)
WRONG = result(
    "it holds",
    passed=False,
    misconception="slices_the_batch",
    message=f"you sliced {EVIL}",
    expected="[2, 3]",
    seen=EVIL,
    see="chapters/1.md#x",
)


def student(name: str, *answers: GradedAnswer, notes: tuple[str, ...] = (), **about: str) -> GradedStudent:
    who = Student(name, name.title(), "Doe", f"{name}@example.org", canvas_id=f"10{len(name)}", **about)
    handed = Submission(f"{name}.zip", "zip", name, True, "2026-03-01T09:00:00Z", {A.name: b"x"}, {}, notes)
    return GradedStudent(who, handed, answers)


@pytest.fixture
def grades() -> Grades:
    hidden_crash = answered(B, report.CRASHED, *PUBLIC, message="MUST NOT BE SEEN 4")
    students = (
        student("ada", answered(A, report.PASSED, *PUBLIC), answered(B, report.PASSED, *PUBLIC)),
        student(
            "grace", answered(A, report.FAILED, WRONG), answered(B, report.FAILED, *PUBLIC, HIDDEN_FAILURE)
        ),
        student("alan", answered(A, report.CRASHED, PUBLIC[0], message=EVIL), hidden_crash, notes=(EVIL,)),
        GradedStudent(
            Student("joan"),
            None,
            tuple(without_report(e, NOT_SUBMITTED, "Nothing was handed in.") for e in (A, B)),
        ),
    )
    problems = (Problem(EVIL, "conflict", EVIL),)
    return Grades(
        "hooks-1", (A, B), students, problems, {"python": "3"}, {"device": "cpu"}, "2026-03-02T12:00:00Z"
    )


@pytest.fixture
def written(grades: Grades, tmp_path: Path) -> Path:
    write_outputs(grades, Bundle(tmp_path, "hooks-1", {}, SECRET), tmp_path / "grades")
    return tmp_path / "grades"


@pytest.mark.parametrize(
    ("outcome", "results", "hidden"),
    [
        (report.NO_CHECKS, PUBLIC, False),
        (report.TIMED_OUT, PUBLIC, True),
        (report.TIMED_OUT, PUBLIC[:1], False),
        (report.PASSED, PUBLIC, False),
    ],
)
def test_what_ends_after_all_public_checks_ends_in_a_hidden_one_unless_there_are_none(
    outcome: str, results: tuple[CheckResult, ...], hidden: bool
) -> None:
    assert answered(A, outcome, *results).failed_hidden is hidden


def test_points_are_given_for_what_passed_with_the_hidden_checks(grades: Grades) -> None:
    assert {graded.student.id: graded.score for graded in grades.students} == {
        "ada": 5,
        "grace": 0,
        "alan": 0,
        "joan": 0,
    }


def test_nothing_that_a_hidden_check_expects_is_in_a_file_for_others(written: Path) -> None:
    own = {"grades.json", "summary.md", "summary.html"}
    for file in written.rglob("*"):
        if file.is_file() and file.name not in own:
            text = file.read_text(encoding="utf-8").lower()
            assert "must not be seen" not in text, file
            assert "must-not-be-seen" not in text, file
            assert "drops_the_batch" not in text, file
    grades = (written / "grades.json").read_text(encoding="utf-8")
    assert all(f"MUST NOT BE SEEN {n}" in grades for n in (1, 2, 3, 4))


def test_a_student_reads_which_hidden_check_failed_and_what_the_public_ones_saw(written: Path) -> None:
    text = (written / "feedback" / "grace.md").read_text(encoding="utf-8")
    assert "the hidden check “also for one row” failed" in text
    assert "- also for one row (hidden): **failed** on the model in the box" in text
    assert "- it holds: passed on the model in the box, a tiny random gpt2" in text
    assert "- expected: `[2, 3]`" in text
    crashed = (written / "feedback" / "alan.md").read_text(encoding="utf-8")
    assert "a hidden check ended in: crashed" in crashed


def test_what_was_printed_is_shown_with_a_public_failure_only(written: Path) -> None:
    section = (written / "feedback" / "grace.md").read_text(encoding="utf-8").partition("## The second")
    assert "printed text" in section[0]
    assert "printed text" not in section[2]


def test_grades_json_has_the_fields_that_its_description_names(grades: Grades) -> None:
    found = grades.to_dict()
    assert found["format"] == 1
    assert found["graded_at"] == "2026-03-03T10:00:00Z"
    assert found["protections"] == [{"limits": "on"}]
    grace = found["students"][1]
    assert [answer["misconception"] for answer in grace["answers"]] == ["slices_the_batch", "drops_the_batch"]
    assert grace["answers"][0]["seed"] == 5
    from tutorial_lib.course import results

    for name in {
        *found,
        *grace,
        *grace["answers"][0],
        *grace["answers"][0]["checks"][0],
        *found["exercises"][0],
    }:
        assert f'"{name}"' in (results.__doc__ or ""), name


def test_junit_can_be_read_and_counts_what_is_in_it(grades: Grades) -> None:
    root = ET.fromstring(junit(grades))
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["ada", "grace", "alan", "joan"]
    for suite in suites.values():
        for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(name) == str(len(suite.findall(f"testcase/{tag}")))
        assert suite.get("tests") == str(len(suite))
    counts = [[suites[s].get(n) for n in ("tests", "failures", "errors", "skipped")] for s in suites]
    assert counts == [["4", "0", "0", "0"], ["4", "2", "0", "0"], ["5", "0", "2", "0"], ["2", "0", "0", "2"]]


def test_nbgraders_columns_are_those_of_nbgrader(grades: Grades) -> None:
    rows = list(csv.DictReader(io.StringIO(nbgrader_csv(grades))))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 8
    assert rows[0] == {
        "assignment": "01_hooks/a",
        "duedate": "2026-03-02 12:00:00",
        "timestamp": "2026-03-01 09:00:00",
        "student_id": "ada",
        "last_name": "Doe",
        "first_name": "Ada",
        "email": "ada@example.org",
        "raw_score": "2.0",
        "late_submission_penalty": "0.0",
        "score": "2.0",
        "max_score": "2.0",
    }
    assert rows[3]["timestamp"] == ""


def test_a_sheet_for_canvas_has_its_columns_and_points(grades: Grades) -> None:
    rows = list(csv.reader(io.StringIO(canvas_sheet(grades).text)))
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "01_hooks/a", "02_more/b"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "2", "3"]
    assert rows[2] == ["Doe, Ada", "103", "", "", "", "2", "3"]


EXPORT = """\
Student,ID,SIS User ID,SIS Login ID,Section,The first (77),Essay (78),hooks-1 (79),Final Score
,,,,,Manual Posting,,,
    Points Possible,,,,,2.00,10.00,5.00,(read only)
"Doe, Ada",103,,ada@example.org,A,,9.50,,80
"Doe, Grace",,,grace@example.org,A,1.00,8.00,,70
"Nobody, New",999,,new@example.org,A,1.00,7.00,3.00,60
"Student, Test",1000,,abc,A,,,,
"""


def test_an_export_of_canvas_is_filled_and_all_else_in_it_stays(grades: Grades, tmp_path: Path) -> None:
    export = tmp_path / "export.csv"
    export.write_text(EXPORT, encoding="utf-8-sig")
    filled = fill_canvas(grades, export)
    assert filled.columns == ("The first (77)", "hooks-1 (79)")
    assert filled.text == (
        EXPORT.replace("A,,9.50,,80", "A,2,9.50,5,80").replace("A,1.00,8.00,,70", "A,0,8.00,0,70")
    )
    assert filled.notes == (
        "no column for 02_more/b",
        "the row of 'Nobody, New' fits no student; left as it is",
        "the row of 'Student, Test' fits no student; left as it is",
        "no row for alan",
        "no row for joan",
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "is no gradebook"),
        (EXPORT.replace("The first", "X").replace("hooks-1", "Y"), "no column is named"),
    ],
)
def test_what_is_no_gradebook_of_this_course_is_refused(
    grades: Grades, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "export.csv").write_text(text)
    with pytest.raises(CourseError, match=message):
        fill_canvas(grades, tmp_path / "export.csv")


def test_gradescope_gets_scores_and_hidden_tests_that_it_does_not_show(written: Path) -> None:
    found = json.loads((written / "gradescope" / "grace" / "results.json").read_text(encoding="utf-8"))
    assert set(found) <= {"score", "output", "output_format", "visibility", "stdout_visibility", "tests"}
    assert found["stdout_visibility"] == "hidden"
    assert found["score"] == 0
    assert [test["visibility"] for test in found["tests"]] == ["visible", "visible", "hidden"]
    assert [test.get("max_score") for test in found["tests"]] == [2, 3, None]
    assert found["tests"][2]["name"].startswith("02_more/b: also for one row")
    assert all(test["status"] in ("passed", "failed") for test in found["tests"])
    assert "slices" not in found["tests"][0]["name"]
    assert "you sliced" in found["tests"][0]["output"]


def test_classroom_50_gets_what_its_schema_requires(grades: Grades) -> None:
    texts = {
        "schema",
        "classroom",
        "assignment",
        "assignment_type",
        "owner",
        "submission",
        "commit",
        "release",
    }
    texts |= {"review", "datetime"}
    for graded in grades.students:
        found = classroom50(graded, grades, {})
        assert set(found) == texts | {"score", "max-score", "tests"}
        assert all(isinstance(found[name], str) and found[name] for name in texts)
        assert found["schema"] == "classroom50/result/v1"
        assert found["submission"].startswith("submit/")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["datetime"])
        for scored in (found, *found["tests"]):
            assert type(scored["score"]) is type(scored["max-score"]) is int
            assert 0 <= scored["score"] <= scored["max-score"]
        assert all(type(test["passed"]) is bool and test["test-name"] for test in found["tests"])
        assert sum(test["score"] for test in found["tests"]) == found["score"]


def test_classroom_50s_runner_says_which_repository_it_is(grades: Grades) -> None:
    env = {"CLASSROOM": "cs", "OWNER": "ada-l", "COMMIT_URL": "https://x/1", "SUBMISSION_TAG": "submit/1-a"}
    found = classroom50(grades.students[0], grades, env)
    assert (found["classroom"], found["owner"], found["submission"]) == ("cs", "ada-l", "submit/1-a")
    assert found["commit"] == found["review"] == "https://x/1"


def test_github_classrooms_tests_add_up_to_the_score(written: Path) -> None:
    found = json.loads((written / "github-classroom" / "ada" / "result.json").read_text(encoding="utf-8"))
    assert (found["status"], found["max_score"], sum(test["score"] for test in found["tests"])) == (
        "pass",
        5,
        5,
    )


def test_a_receipt_is_genuine_until_a_field_of_it_changes(grades: Grades, tmp_path: Path) -> None:
    bundle = Bundle(tmp_path, "hooks-1", {}, SECRET)
    made = json.loads(json.dumps(receipt(grades.students[1], grades, SECRET)))
    assert is_genuine(made, bundle)
    assert is_genuine({**made, "graded_at": "2027-01-01T00:00:00Z"}, bundle)
    for name in made.keys() - {"graded_at"}:
        assert not is_genuine({**made, name: "other"}, bundle), name
    made["answers"][0]["score"] = 2
    assert not is_genuine(made, bundle)
    assert not is_genuine(receipt(grades.students[1], grades, b"t" * 32), bundle)


def test_a_receipt_says_with_what_an_answer_was_graded(grades: Grades) -> None:
    made = receipt(grades.students[1], grades, SECRET)
    assert made["versions"] == {"python": "3"}
    assert made["protections"] == [{"limits": "on"}]
    assert made["answers"][1] == {
        "exercise": "02_more/b",
        "sha256": "f" * 64,
        "checks": "d" * 64,
        "hidden_checks": "e" * 64,
        "seed": 5,
        "variant": 6,
        "outcome": "failed",
        "score": 0,
    }


class Tags(HTMLParser):
    """The tags of a page, and whatever it would fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_summary_is_a_page_that_fetches_nothing_and_runs_nothing(grades: Grades) -> None:
    page = Tags(summary_html(grades))
    assert page.fetched == []
    assert "script" not in page.tags
    assert page.tags.count("table") == 5


def test_the_summary_counts_exercises_and_misconceptions_the_commonest_first(grades: Grades) -> None:
    late = answered(B, report.FAILED, replace(WRONG, misconception="z_comes_late"))
    more = tuple(student(name, answered(A, report.PASSED, *PUBLIC), late) for name in ("tim", "sue"))
    text = summary_markdown(replace(grades, students=(*grades.students, *more)))
    assert "| 01_hooks/a | 3 | 1 | 1 | 1 | 2 |" in text
    misconceptions = text.partition("## Misconceptions")[2].partition("##")[0]
    rows = re.findall(r"^\| (\d+) \| (\S+) \| (.+?) \|", misconceptions, flags=re.MULTILINE)
    assert rows == [
        ("2", "02_more/b", "z_comes_late"),
        ("1", "01_hooks/a", "slices_the_batch"),
        ("1", "02_more/b", "`drops_the_batch (hidden check)`"),
    ]
    assert "5 of 6 students handed something in" in text


def test_a_text_of_unknown_origin_stays_within_its_code(grades: Grades) -> None:
    assert code("a `` b") == "```a `` b```"
    assert code("`a`\n# b") == "`` `a` # b ``"
    assert block("x\n````\n# Passed") == ["`````text", "x", "````", "# Passed", "`````"]
    for line in summary_markdown(grades).splitlines():
        assert not line.startswith("# Passed")
    assert "| hooks" not in summary_markdown(grades)
