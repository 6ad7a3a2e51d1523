"""A receipt for each student: what was graded, with what, and what came of it, signed with the secret.

All but `graded_at` is signed, so a regrade of the same files with the same checks and versions has the same
signature, and one that differs says where.
"""

import hmac
from typing import Any

from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.results import GradedStudent, Grades, distinct
from tutorial_lib.course.variants import signature

FORMAT = 1


def receipt(graded: GradedStudent, grades: Grades, secret: bytes) -> dict[str, Any]:
    """A student's receipt."""
    submission = graded.submission
    content = {
        "format": FORMAT,
        "course": grades.course,
        "student": graded.student.id,
        "submission": submission
        and {
            "name": submission.name,
            "time": submission.time,
            "sha256": submission.sha256,
        },
        "score": graded.score,
        "max_score": graded.max_score,
        "settings": grades.settings,
        "versions": grades.versions,
        "protections": distinct(answer.protections for answer in graded.answers),
        "answers": [
            {
                "exercise": answer.exercise.name,
                "sha256": answer.sha256,
                "checks": answer.exercise.checks,
                "hidden_checks": answer.exercise.hidden_checks,
                "seed": answer.seed,
                "variant": answer.variant,
                "outcome": answer.outcome,
                "score": answer.score,
            }
            for answer in graded.answers
        ],
    }
    times = [answer.graded_at for answer in graded.answers if answer.graded_at]
    return {**content, "signature": signature(secret, content), "graded_at": max(times, default="")}


def is_genuine(found: dict[str, Any], bundle: Bundle) -> bool:
    """Whether a receipt was signed with the secret of a course and not changed since, but for its time."""
    content = {name: value for name, value in found.items() if name not in ("signature", "graded_at")}
    claimed = found.get("signature")
    return isinstance(claimed, str) and hmac.compare_digest(
        signature(bundle.secret, content).encode(), claimed.encode("utf-8", "replace")
    )
