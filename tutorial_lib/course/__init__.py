"""The instructor's kit: release exercises to students, take in what they hand in, grade it.

    bundle.py      the instructor's private folder: secret, roster, hidden checks, own exercises
    variants.py    what follows from the secret: each student's variant, seed and seal
    release.py     the students' folders
    submitting.py  a student's zip
    unpacking.py   what is read of a zip or folder that may be hostile
    intake.py      whose it is, and which of several counts
    grading.py     all of it, in parallel and resumable; results.py says what comes of it
    outputs.py     every file of a grading run, in formats of other systems too

Nothing here imports torch, but for the judges, which are processes of their own (`judge_process.py`).
"""


class CourseError(ValueError):
    """What somebody gave cannot be used; the message names it and says what would be right."""
