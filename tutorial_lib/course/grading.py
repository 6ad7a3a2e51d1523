"""Grade a folder of submissions: take in, judge in parallel, write everything.

An answer that is in the journal with the same key is not judged again. The key holds all that the result
depends on: the answer, whose it is, the checks, the versions, the limits. So a second run with nothing
changed judges nothing, and one with a changed check judges that exercise anew.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tutorial_lib.checker.report import SYNTAX_ERROR, Report
from tutorial_lib.course import CourseError, fingerprint, variants
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.formats.canvas import fill_canvas
from tutorial_lib.course.intake import Intake, Submission, take_in
from tutorial_lib.course.journal import Journal, open_journal
from tutorial_lib.course.judge_pool import Task, Verdict, run_judges
from tutorial_lib.course.outputs import write_outputs
from tutorial_lib.course.results import (
    NOT_GRADED,
    NOT_SUBMITTED,
    REFUSED,
    CourseExercise,
    GradedAnswer,
    GradedStudent,
    Grades,
    without_report,
)
from tutorial_lib.course.roster import Student
from tutorial_lib.workspace.student_files import decode_source

# Codecs that are quick on any bytes: some of Python's others take hours on a file that is made for it.
_ENCODING = re.compile(
    r"utf-8(-sig)?|ascii|iso8859-\d+|cp\d+|koi8-[rtu]|gbk|gb18030|big5|euc_\w+|shift_jis\w*"
)


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        jobs: how many answers at once.
        limits: of what an answer may use, by the names of `isolation.Limits`; others as they are there.
        device: such as "cpu" or "cuda".
        regrade: whether to judge again what is in the journal.
        canvas: a gradebook that was exported from Canvas, to be filled.
    """

    jobs: int = 1
    limits: Mapping[str, Any] = field(default_factory=dict)
    device: str = "cpu"
    regrade: bool = False
    canvas: Path | None = None


@dataclass(frozen=True)
class GradingProgress:
    """How far a run is: answers in the journal already, judged by now, and to be judged in all."""

    known: int
    done: int
    to_do: int
    last: Verdict | None = None


@dataclass(frozen=True)
class GradingRun:
    """What came of grading: the grades, and what of Canvas' gradebook does not fit them."""

    grades: Grades
    canvas_notes: tuple[str, ...] = ()


def grade(
    submissions: Path,
    bundle: Bundle,
    out: Path,
    options: Options | None = None,
    *,
    progress: Callable[[GradingProgress], None] = lambda _: None,
) -> GradingRun:
    """Grade what was handed in, and write the results.

    Args:
        submissions: folder of zips, folders and checkouts.
        bundle: the course.
        out: folder for the results; a run that was stopped goes on there.
        options: how to grade.
        progress: called before the first verdict and after each.

    Raises:
        CourseError: a folder cannot be used, another run has it, or no judge can be started.
    """
    options = options or Options()
    if out.resolve() == submissions.resolve() or submissions.resolve() in out.resolve().parents:
        raise CourseError(f"{out} is inside of {submissions}: the grades would be taken for a submission")
    intake = take_in(submissions, bundle)
    if not intake.submissions and not intake.problems:
        raise CourseError(f"{submissions} has no zip, folder or checkout in it: is it the right one?")
    versions = fingerprint.versions()
    exercises = course_exercises(bundle)
    settings = {"device": options.device, "limits": dict(options.limits)}
    if options.canvas:  # better now than after an hour
        fill_canvas(Grades(bundle.name, tuple(exercises.values()), (), (), versions), options.canvas)
    tasks = list(_tasks(intake, bundle, exercises, versions, options))
    failed: dict[str, str] = {}
    with open_journal(out, anew=options.regrade) as journal:
        new = [task for task in tasks if task.key not in journal.records]
        progress(GradingProgress(len(tasks) - len(new), 0, len(new)))
        verdicts = run_judges(new, jobs=options.jobs, limits=options.limits, device=options.device)
        with closing(verdicts):
            for number, verdict in enumerate(verdicts, start=1):
                if verdict.report is None:
                    failed[verdict.task.key] = verdict.error
                else:
                    journal.add(_record(verdict))
                progress(GradingProgress(len(tasks) - len(new), number, len(new), verdict))
        by_key = {(task.student, task.exercise.name): task for task in tasks}
        students = tuple(
            _student(student, intake.submissions.get(student.id), exercises, by_key, journal, failed)
            for student in bundle.roster.values()
        )
        courses, problems = tuple(exercises.values()), tuple(intake.problems)
        grades = Grades(bundle.name, courses, students, problems, versions, settings, bundle.due)
        return GradingRun(grades, write_outputs(grades, bundle, out, canvas=options.canvas))


def course_exercises(bundle: Bundle) -> dict[str, CourseExercise]:
    """The exercises of a course as they are now."""
    return {
        name: CourseExercise(
            name,
            exercise.title,
            exercise.points,
            exercise.models,
            fingerprint.checks_hash(exercise),
            fingerprint.hidden_hash(bundle.hidden(name)),
        )
        for name, exercise in bundle.exercises.items()
    }


def _tasks(
    intake: Intake,
    bundle: Bundle,
    exercises: dict[str, CourseExercise],
    versions: dict[str, str],
    options: Options,
) -> Iterator[Task]:
    for student, submission in intake.submissions.items():
        for name, content in submission.files.items():
            source = _text(content)
            if source is None:
                continue
            sha256 = hashlib.sha256(content).hexdigest()
            seed = variants.grading_seed(bundle.secret, student, name)
            own = variants.variant(bundle.secret, student, name)
            known = exercises[name]
            parts = {
                "student": student,
                "exercise": name,
                "answer": sha256,
                "seed": seed,
                "variant": own,
                "checks": [known.checks, known.hidden_checks],
                "versions": versions,
                "device": options.device,
                "limits": dict(options.limits),
            }
            key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
            yield Task(key, student, bundle.exercises[name], source, sha256, seed, own, bundle.hidden(name))


def _text(content: bytes) -> str | None:
    """The text of an answer's file in UTF-8 or the encoding that it declares; None where it is in neither."""
    try:
        return decode_source(content, only=_ENCODING)
    except SyntaxError:
        return None


def _record(verdict: Verdict) -> dict[str, Any]:
    task = verdict.task
    return {
        "key": task.key,
        "student": task.student,
        "exercise": task.exercise.name,
        "sha256": task.sha256,
        "graded_at": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "seconds": verdict.seconds,
        "protections": verdict.protections,
        "report": verdict.report,
    }


def _student(
    student: Student,
    submission: Submission | None,
    exercises: dict[str, CourseExercise],
    tasks: dict[tuple[str, str], Task],
    journal: Journal,
    failed: dict[str, str],
) -> GradedStudent:
    answers = []
    for name, exercise in exercises.items():
        if submission is None:
            answer = without_report(exercise, NOT_SUBMITTED, "Nothing was handed in.")
        elif name in submission.refused:
            message = f"The file {name}.py was not read: it {submission.refused[name]}."
            answer = without_report(exercise, REFUSED, message)
        elif name not in submission.files:
            answer = without_report(
                exercise, NOT_SUBMITTED, f"There is no file {name}.py in what was handed in."
            )
        elif (student.id, name) not in tasks:
            sha256 = hashlib.sha256(submission.files[name]).hexdigest()
            message = "Python cannot read the file: it is not the text that it says to be. Save it as UTF-8."
            answer = without_report(exercise, SYNTAX_ERROR, message, sha256)
        else:
            answer = _judged(exercise, tasks[student.id, name], journal, failed)
        answers.append(answer)
    return GradedStudent(student, submission, tuple(answers))


def _judged(exercise: CourseExercise, task: Task, journal: Journal, failed: dict[str, str]) -> GradedAnswer:
    if task.key in failed:
        return without_report(exercise, NOT_GRADED, failed[task.key], task.sha256)
    record = journal.records[task.key]
    return GradedAnswer(
        exercise,
        Report.from_dict(record["report"]),
        task.sha256,
        task.seed,
        task.variant,
        record["graded_at"],
        record["seconds"],
        record["protections"],
    )
