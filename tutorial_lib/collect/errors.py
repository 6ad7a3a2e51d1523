"""What can be wrong with data and folders."""

from typing import Any


class CollectError(ValueError):
    """Something that the user gave cannot be used; the message says what and what would be right."""


class ElsewhereError(CollectError):
    """Another rank has a problem, and tells it."""


class OthersNotDoneError(CollectError):
    """This rank is done and others are not, so that there is no result yet."""


class BadRecordError(CollectError):
    """One record of the data cannot be read as a text or as token ids."""


def check_at_least_one(name: str, value: Any) -> None:
    """Raises CollectError for what is no whole number of at least 1."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise CollectError(f"{name} must be a whole number of at least 1, got {value!r}")
