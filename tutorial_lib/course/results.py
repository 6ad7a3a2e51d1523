"""What came of a grading run, and `grades.json`, which says it to other programs.

    {
      "format": 1,                        changes when a field changes its meaning or goes
      "course": "hooks-2026",
      "graded_at": "2026-10-02T09:00:00Z",    the latest of all answers; the only time of grading in here
      "due": "",
      "settings": {"device", "limits"},
      "versions": {"python", "torch", "transformers", "tutorial_lib", "source"},
      "protections": [...],               each that was in force, as the judges said
      "exercises": [{"name", "title", "points", "checks", "hidden_checks"}],    with sha256 of the checks
      "students": [{
        "id", "first_name", "last_name", "email", "score", "max_score",
        "submission": {"name", "kind", "time", "proved", "sha256"},    or null
        "notes": ["..."],
        "answers": [{
          "exercise", "outcome", "score", "max_score", "misconception", "message", "sha256", "seed",
          "variant", "printed",
          "checks": [{"title", "model", "passed", "hidden", "misconception", "message", "expected", "seen",
                      "see"}]
        }]
      }],
      "problems": [{"submission", "kind", "message"}]
    }

`outcome` is one of `tutorial_lib.checker.report.OUTCOMES`, or "not submitted", "refused" (the file may not
be read), "not graded" (the judge failed; grade again). This file is the instructor's: hidden checks are in it
as they are. What students may see comes from `GradedAnswer.for_student`.
"""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from tutorial_lib.checker.report import FAILED, NO_CHECKS, PASSED, CheckResult, Report
from tutorial_lib.course.intake import Problem, Submission
from tutorial_lib.course.roster import Student

FORMAT = 1
NOT_SUBMITTED = "not submitted"
REFUSED = "refused"
NOT_GRADED = "not graded"


@dataclass(frozen=True)
class CourseExercise:
    """An exercise as it was graded.

    Attributes:
        name, title, points: of the exercise.
        models: what its checks run on.
        checks: sha256 of what judges it.
        hidden_checks: sha256 of its hidden checks, or None.
    """

    name: str
    title: str
    points: int
    models: tuple[str, ...]
    checks: str
    hidden_checks: str | None


@dataclass(frozen=True)
class GradedAnswer:
    """One student's answer to one exercise.

    Attributes:
        exercise: which.
        report: what the judge said; its outcome may also be one of this module's.
        sha256: of the file, or None.
        seed, variant: it was graded with; None where no judge has seen it.
        graded_at: when, in UTC; empty where nothing was graded.
        seconds: how long that took.
        protections: what kept the answer away from the judge.
    """

    exercise: CourseExercise
    report: Report
    sha256: str | None = None
    seed: int | None = None
    variant: int | None = None
    graded_at: str = ""
    seconds: float = 0.0
    protections: Any = None

    @property
    def outcome(self) -> str:
        """In one word."""
        return self.report.outcome

    @property
    def score(self) -> int:
        """All points where everything passed, the hidden checks too; otherwise none."""
        return self.exercise.points if self.report.passed else 0

    @property
    def failed_hidden(self) -> bool:
        """Whether the public checks passed, so that what went wrong is in a hidden one."""
        report = self.report
        if report.passed:
            return False
        if report.first is not None:
            return report.first.hidden
        seen = {result.model for result in report.results if not result.hidden and result.passed}
        return report.outcome != NO_CHECKS and seen >= set(self.exercise.models)

    @property
    def for_student(self) -> Report:
        """The report as the student may see it: of a hidden check only its title and whether it passed."""
        results = tuple(_veiled(result) for result in self.report.results)
        if not self.failed_hidden:
            return replace(self.report, results=results)
        first = self.report.first
        what = (
            f"the hidden check “{first.title}” failed"
            if first
            else f"a hidden check ended in: {self.outcome}"
        )
        message = f"All checks that you have passed, but {what}."
        return replace(
            self.report, message=message, first=_veiled(first) if first else None, results=results, printed=""
        )


@dataclass(frozen=True)
class GradedStudent:
    """A student's answers, one an exercise, with what was handed in."""

    student: Student
    submission: Submission | None
    answers: tuple[GradedAnswer, ...]

    @property
    def score(self) -> int:
        """Of all exercises."""
        return sum(answer.score for answer in self.answers)

    @property
    def max_score(self) -> int:
        """That could be reached."""
        return sum(answer.exercise.points for answer in self.answers)


@dataclass(frozen=True)
class Grades:
    """All that a grading run found."""

    course: str
    exercises: tuple[CourseExercise, ...]
    students: tuple[GradedStudent, ...]
    problems: tuple[Problem, ...]
    versions: dict[str, str]
    settings: dict[str, Any] = field(default_factory=dict)
    due: str = ""

    @property
    def answers(self) -> list[GradedAnswer]:
        """Of all students."""
        return [answer for student in self.students for answer in student.answers]

    @property
    def graded_at(self) -> str:
        """When the latest answer was graded; empty where none was."""
        return max((answer.graded_at for answer in self.answers), default="")

    def to_dict(self) -> dict[str, Any]:
        """The content of `grades.json`."""
        return {
            "format": FORMAT,
            "course": self.course,
            "graded_at": self.graded_at,
            "due": self.due,
            "settings": self.settings,
            "versions": self.versions,
            "protections": distinct(answer.protections for answer in self.answers),
            "exercises": [
                {name: value for name, value in asdict(exercise).items() if name != "models"}
                for exercise in self.exercises
            ],
            "students": [_student(student) for student in self.students],
            "problems": [asdict(problem) for problem in self.problems],
        }


def distinct(values: Any) -> list[Any]:
    """The different ones among plain values, None left out, in order of first appearance."""
    found: list[Any] = []
    for value in values:
        if value is not None and value not in found:
            found.append(value)
    return found


def without_report(
    exercise: CourseExercise, outcome: str, message: str, sha256: str | None = None
) -> GradedAnswer:
    """An answer that no judge has seen."""
    return GradedAnswer(exercise, Report(exercise.name, outcome, message), sha256)


def _veiled(result: CheckResult) -> CheckResult:
    return CheckResult(result.title, result.model, result.passed, hidden=True) if result.hidden else result


def _student(graded: GradedStudent) -> dict[str, Any]:
    student, submission = graded.student, graded.submission
    return {
        "id": student.id,
        "first_name": student.first_name,
        "last_name": student.last_name,
        "email": student.email,
        "score": graded.score,
        "max_score": graded.max_score,
        "submission": submission
        and {
            "name": submission.name,
            "kind": submission.kind,
            "time": submission.time,
            "proved": submission.proved,
            "sha256": submission.sha256,
        },
        "notes": list(submission.notes) if submission else [],
        "answers": [_answer(answer) for answer in graded.answers],
    }


def _answer(answer: GradedAnswer) -> dict[str, Any]:
    return {
        "exercise": answer.exercise.name,
        "outcome": answer.outcome,
        "score": answer.score,
        "max_score": answer.exercise.points,
        "misconception": answer.report.misconception if answer.outcome == FAILED else None,
        "message": answer.report.message,
        "sha256": answer.sha256,
        "seed": answer.seed,
        "variant": answer.variant,
        "printed": answer.report.printed,
        "checks": [asdict(result) for result in answer.report.results],
    }


def count_passed(answers: Any) -> int:
    """How many answers passed."""
    return sum(answer.outcome == PASSED for answer in answers)
