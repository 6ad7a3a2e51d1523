"""The students' folders: what they need to work offline, and nothing that gives an answer away.

    README.md
    <nn_topic>/<slug>.py and .md                  the starter, to be written in, and the task
    .hooking/exercises/<nn_topic>/<slug>/         task, starter, hints and public checks
    .hooking/course.json                          course, student, variants and seal

Files are taken from a list of names, so what is added to an exercise's folder later stays at home.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from tutorial_lib.course import CourseError
from tutorial_lib.course.bundle import Bundle
from tutorial_lib.course.roster import Student
from tutorial_lib.course.variants import seal, variants
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.files import write_whole
from tutorial_lib.workspace.workspace import HIDDEN

RELEASED = ("exercise.toml", "task.md", "starter.py", "hints.md", "observe.py", "checks.py")

_README = """# {title}

Exercises: {count}. Points: {points}. Time: about {minutes} minutes.

```text
pip install hf-hooking-tutorial
hooking list                     what there is to do
hooking check                    check the next exercise
hooking hint NAME                one more step each time
hooking submit                   makes the zip to hand in
```

Run these in this folder. Write your answers in the `.py` file of each exercise; the task is in the `.md` file
beside it. Only these files are graded. The checks here are the public ones: your course may have more.

| exercise | points | minutes |
|---|---|---|
{rows}
"""


def release(
    exercises: Iterable[Exercise],
    out: Path,
    *,
    course: str = "",
    bundle: Bundle | None = None,
    students: Iterable[Student] | None = None,
) -> list[Path]:
    """Write the folder that students begin with.

    Args:
        exercises: to give out.
        out: must not exist, or be empty.
        course: its name; with a bundle, the bundle's.
        bundle: whose secret variants follow from.
        students: one folder each, with variants of their own. None: one folder for all, without variants.

    Returns:
        The folders.

    Raises:
        CourseError: `out` has something in it, there are students and no bundle, or an exercise lacks a file.
    """
    chosen = list(exercises)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CourseError(f"{out} is not empty; release into a new folder, so that nothing is overwritten")
    course = bundle.name if bundle else course
    if students is None:
        _write(chosen, out, course, None, {}, None)
        return [out]
    if bundle is None:
        raise CourseError("students have variants of their own, which need the secret of a bundle")
    folders = []
    for student in students:
        own = variants(bundle.secret, student.id, (exercise.name for exercise in chosen))
        _write(chosen, out / student.id, course, student.id, own, seal(bundle.secret, student.id))
        folders.append(out / student.id)
    if not folders:
        raise CourseError("the roster has no students")
    return folders


def _write(
    exercises: list[Exercise],
    folder: Path,
    course: str,
    student: str | None,
    own: dict[str, int],
    sealed: str | None,
) -> None:
    names = {exercise.name for exercise in exercises}
    for exercise in exercises:
        topic, slug = exercise.name.split("/")
        write_whole(folder / topic / f"{slug}.py", exercise.starter)
        write_whole(folder / topic / f"{slug}.md", exercise.handout)
        for name in RELEASED:
            text = exercise.read(name)
            if name == "exercise.toml":
                text = _only_released(text, exercise, names)
            write_whole(folder / HIDDEN / "exercises" / topic / slug / name, text)
    write_whole(folder / "README.md", _readme(exercises, course))
    facts = {"format": 1, "course": course or None, "student": student, "variants": own, "seal": sealed}
    write_whole(folder / HIDDEN / "course.json", json.dumps(facts, indent=2) + "\n")


def _only_released(toml: str, exercise: Exercise, names: set[str]) -> str:
    """The facts of an exercise, with the prerequisites that are given out too: others cannot be done here."""
    kept = json.dumps([name for name in exercise.prerequisites if name in names])
    return re.sub(
        r"^prerequisites\s*=\s*\[.*?\]", lambda _: f"prerequisites = {kept}", toml, flags=re.M | re.S
    )


def _readme(exercises: list[Exercise], course: str) -> str:
    rows = "\n".join(f"| [{e.title}]({e.name}.md) `{e.name}` | {e.points} | {e.minutes} |" for e in exercises)
    return _README.format(
        title=course or "Exercises",
        count=len(exercises),
        points=sum(e.points for e in exercises),
        minutes=sum(e.minutes for e in exercises),
        rows=rows,
    )
