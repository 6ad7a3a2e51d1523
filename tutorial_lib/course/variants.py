"""What follows from a course's secret. Whoever has only the results cannot compute another one.

Everything is HMAC-SHA256 of the secret over a purpose, a student and an exercise, so it is the same on every
machine and each time, and a student's variant says nothing about the secret or about another student's.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable
from typing import Any


def variant(secret: bytes, student: str, exercise: str) -> int:
    """Of a student's layer, positions and direction in an exercise: 0 to 2**48 - 1."""
    return _number(secret, "variant", student, exercise)


def variants(secret: bytes, student: str, exercises: Iterable[str]) -> dict[str, int]:
    """A student's variant of each exercise."""
    return {exercise: variant(secret, student, exercise) for exercise in exercises}


def grading_seed(secret: bytes, student: str, exercise: str) -> int:
    """Of the inputs that a student's answer is graded on: known to nobody before, the same on a regrade."""
    return _number(secret, "seed", student, exercise)


def seal(secret: bytes, student: str) -> str:
    """What a student's folder carries, so that another's submission cannot claim to be this student's."""
    return _mac(secret, "seal", student).hex()


def is_seal(secret: bytes, student: str, claimed: object) -> bool:
    """Whether something is this student's seal."""
    if not isinstance(claimed, str):
        return False
    return hmac.compare_digest(seal(secret, student).encode(), claimed.encode("utf-8", "replace"))


def signature(secret: bytes, content: dict[str, Any]) -> str:
    """Of plain values, whatever the order of their names."""
    return _mac(secret, "receipt", json.dumps(content, sort_keys=True, ensure_ascii=True)).hex()


def _number(secret: bytes, *parts: str) -> int:
    return int.from_bytes(_mac(secret, *parts)[:6], "big")


def _mac(secret: bytes, *parts: str) -> bytes:
    # As JSON, since ("a", "bc") and ("ab", "c") must not be the same message.
    return hmac.new(secret, json.dumps(parts).encode(), hashlib.sha256).digest()
