"""The exercises: every folder `<nn_topic>/<slug>/` with an `exercise.toml` is one; there is no list of them.

This file loads neither torch nor transformers, so that `hooking list` answers at once.
"""

import ast
import difflib
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent
DIFFICULTIES = ("easy", "medium", "hard")
MODELS = ("box", "gpt2", "bloom")  # what the checks run on unless the exercise says otherwise
_NEEDED = {
    "title": str,
    "chapter": str,
    "difficulty": str,
    "minutes": int,
    "points": int,
    "answer": str,
    "prerequisites": list,
}
_OPTIONAL = {"models": list, "pitfall": str}
_FILES = ("task.md", "starter.py", "solution.py", "observe.py", "checks.py", "hints.md")


class ExerciseError(ValueError):
    """An exercise that does not exist, or whose folder is not whole; the message says what would be right."""


@dataclass(frozen=True)
class Hint:
    """One step towards the solution."""

    title: str
    text: str


@dataclass(frozen=True)
class WrongAnswer:
    """An answer that rests on a misconception, and must be rejected with the message of this very one.

    Attributes:
        name: of the misconception, which is the name of the file.
        source: the code.
        right_on: the models on which the misconception makes no difference, for example one whose blocks
            return tuples. The file's docstring has a line `Right on: bloom, falcon` for it.
    """

    name: str
    source: str
    right_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exercise:
    """An exercise, as its folder says. Files are read when they are asked for.

    Attributes:
        name: such as `"03_residual/capture"`: the folder below the root.
        title: what a list shows.
        chapter: page and section that teach it, such as `"chapters/1-hook-basics.md#handles"`.
        difficulty: `"easy"`, `"medium"` or `"hard"`.
        minutes: for a new user who knows PyTorch.
        points: what it is worth in a course.
        answer: the name that the student's file must define.
        prerequisites: names of exercises to do before.
        models: what the checks run on: `"box"`, or model types, built tiny and random.
        pitfall: for a bug to be fixed, the exhibit of chapter 7 that shows it, as page and section.
    """

    name: str
    folder: Path
    title: str
    chapter: str
    difficulty: str
    minutes: int
    points: int
    answer: str
    prerequisites: tuple[str, ...]
    models: tuple[str, ...] = MODELS
    pitfall: str | None = None

    @property
    def topic(self) -> str:
        """The first part of the name, such as `"03_residual"`."""
        return self.name.partition("/")[0]

    @cached_property
    def task(self) -> str:
        """The task, as Markdown."""
        return self.read("task.md")

    @property
    def reading(self) -> tuple[str, ...]:
        """Where it is taught, as pages and sections, each once: often a pitfall's exhibit is all there is."""
        return tuple(dict.fromkeys(place for place in (self.chapter, self.pitfall) if place))

    @property
    def handout(self) -> str:
        """The task as a student gets it as a file: with what to read, and the commands for this exercise."""
        slug = self.name.partition("/")[2]
        places = ", ".join(f"`{place}`" for place in self.reading)
        return (
            f"{self.task.rstrip()}\n\n---\n\n{self.difficulty.capitalize()}, about {self.minutes} minutes. "
            f"Read {places} of the tutorial.\n"
            f"Then: `hooking check {slug}`; when stuck: `hooking hint {slug}`.\n"
        )

    @cached_property
    def starter(self) -> str:
        """What the student begins with."""
        return self.read("starter.py")

    @cached_property
    def solution(self) -> str:
        """An answer that passes."""
        return self.read("solution.py")

    @cached_property
    def hints(self) -> tuple[Hint, ...]:
        """The steps of `hints.md`: each starts with a heading of the second level."""
        parts = re.split(r"^## +(.+)$", self.read("hints.md"), flags=re.MULTILINE)[1:]
        return tuple(Hint(t.strip(), x.strip()) for t, x in zip(parts[::2], parts[1::2], strict=True))

    @cached_property
    def wrong(self) -> tuple[WrongAnswer, ...]:
        """The answers in `wrong/`, in order of name; none where the folder is left out, as for students."""
        return tuple(_wrong(path) for path in sorted((self.folder / "wrong").glob("*.py")))

    def read(self, file: str) -> str:
        """The text of a file of the folder.

        Raises:
            ExerciseError: it is not there, as a solution in a student's copy.
        """
        try:
            return (self.folder / file).read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ExerciseError(f"exercise {self.name!r} has no {file} here: {self.folder}") from None


def find_exercises(*roots: Path) -> dict[str, Exercise]:
    """All exercises by name, in an order to do them in: by topic, after their prerequisites, easy ones first.

    Args:
        roots: folders to look in; an exercise of a later one takes the place of one with the same name.
            None: the exercises of this package.

    Raises:
        ExerciseError: a folder is not whole, or two exercises wait for each other.
    """
    found: dict[str, Exercise] = {}
    for root in roots or (HERE,):
        if not root.is_dir():
            raise ExerciseError(f"no folder {str(root)!r} to look for exercises in")
        for file in sorted(root.glob("[0-9]*_*/*/exercise.toml")):
            exercise = read_exercise(file.parent)
            found[exercise.name] = exercise
    for exercise in found.values():
        _check_prerequisites(exercise, found)
    return {exercise.name: exercise for exercise in _in_order(found)}


def get_exercise(name: str, exercises: dict[str, Exercise] | None = None) -> Exercise:
    """One exercise by its name, or by its last part where only one ends so.

    Raises:
        ExerciseError: no such exercise; the message names close ones.
    """
    known = find_exercises() if exercises is None else exercises
    asked = re.sub(r"\.(py|md)$", "", name.replace("\\", "/").strip("/"))
    if asked in known:
        return known[asked]
    same = [full for full in known if full.partition("/")[2] == asked]
    if len(same) == 1:
        return known[same[0]]
    raise ExerciseError(f"no exercise {name!r}; {_close(asked, same or known)}")


def read_exercise(folder: Path) -> Exercise:
    """The exercise in a folder.

    Raises:
        ExerciseError: `exercise.toml` has a wrong, missing or unknown field.
    """
    file = folder / "exercise.toml"
    try:
        fields = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExerciseError(f"{file}: {error}") from error
    _check_fields(file, fields)
    for name in ("prerequisites", "models"):
        if name in fields:
            fields[name] = tuple(fields[name])
    return Exercise(name=f"{folder.parent.name}/{folder.name}", folder=folder, **fields)


def missing_files(exercise: Exercise) -> list[str]:
    """The files that an exercise must have and has not."""
    return [name for name in _FILES if not (exercise.folder / name).is_file()]


def _check_fields(file: Path, fields: dict[str, Any]) -> None:
    if unknown := sorted(set(fields) - set(_NEEDED) - set(_OPTIONAL)):
        raise ExerciseError(f"{file}: unknown {unknown}; known are {sorted(_NEEDED | _OPTIONAL)}")
    for name, kind in (_NEEDED | _OPTIONAL).items():
        if name not in fields:
            if name in _NEEDED:
                raise ExerciseError(f"{file}: {name!r} is missing")
        elif not isinstance(fields[name], kind):
            raise ExerciseError(f"{file}: {name} = {fields[name]!r} must be of type {kind.__name__}")
    if fields["difficulty"] not in DIFFICULTIES:
        raise ExerciseError(f"{file}: difficulty = {fields['difficulty']!r} must be one of {DIFFICULTIES}")
    for name in ("minutes", "points"):
        if fields[name] < 1:
            raise ExerciseError(f"{file}: {name} = {fields[name]} must be 1 or more")


def _check_prerequisites(exercise: Exercise, known: dict[str, Exercise]) -> None:
    for name in exercise.prerequisites:
        if name == exercise.name or name not in known:
            raise ExerciseError(f"{exercise.name}: prerequisite {name!r} must be another exercise")
        if exercise.name in _all_before(name, known):
            raise ExerciseError(f"{exercise.name} and {name} wait for each other")


def _in_order(known: dict[str, Exercise]) -> list[Exercise]:
    """Topic by topic: of those whose prerequisites in the topic are taken, the easiest and shortest first."""
    left = sorted(
        known.values(), key=lambda e: (e.topic, DIFFICULTIES.index(e.difficulty), e.minutes, e.name)
    )
    ordered: list[Exercise] = []
    while left:
        waiting = {e.name for e in left if e.topic == left[0].topic}
        following = next(e for e in left if not waiting & set(e.prerequisites))
        ordered.append(following)
        left.remove(following)
    return ordered


def _all_before(name: str, known: dict[str, Exercise]) -> set[str]:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        for before in known[current].prerequisites if current in known else ():
            if before not in seen:
                seen.add(before)
                waiting.append(before)
    return seen


def _wrong(path: Path) -> WrongAnswer:
    source = path.read_text(encoding="utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    right_on = re.search(r"^Right on: (.+)$", text, flags=re.MULTILINE)
    models = tuple(re.findall(r"[\w-]+", right_on[1].partition("(")[0])) if right_on else ()
    return WrongAnswer(path.stem, source, models)


def _close(asked: str, known: Iterable[str]) -> str:
    names = sorted(known)
    slugs = {name.partition("/")[2]: name for name in names}
    near = difflib.get_close_matches(asked, names, n=3) or [
        slugs[slug] for slug in difflib.get_close_matches(asked.rpartition("/")[2], slugs, n=3)
    ]
    return f"close ones: {', '.join(near or names[:3])}; `hooking list` shows all"
