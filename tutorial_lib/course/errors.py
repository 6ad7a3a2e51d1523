"""The error of this package."""


class CourseError(ValueError):
    """What somebody gave cannot be used; the message names it and says what would be right."""
