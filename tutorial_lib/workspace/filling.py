"""Write the exercises into a student's folder, and never over anything that is the student's."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tutorial_lib.exercises.catalog import Exercise, ExerciseError, get_exercise
from tutorial_lib.files import write_whole
from tutorial_lib.workspace.student_files import fingerprint, keep_copy
from tutorial_lib.workspace.workspace import HIDDEN, Workspace, WorkspaceError

ALL = "all"
README = """\
# Exercises

Hooks into HuggingFace transformers, to be done by hand. Each exercise has a task, `<topic>/<name>.md`,
and a file to change, `<topic>/<name>.py`.

```text
hooking list                 what there is, how far you are, what comes next
hooking check --watch        check the next exercise each time that you save it; Ctrl-C ends it
hooking check NAME           check one exercise once
hooking hint NAME            a hint; one more each time
hooking solution NAME        the solution; it asks first if you have not passed
hooking reset NAME           the starter again; your file is kept
hooking start DIR            after an upgrade: add new exercises, and leave your files as they are
```

A name is short or long: `print_a_shape`, `01_hooks/print_a_shape`, or the path of the file. The commands work
in this folder and in every folder below it; `--dir DIR` names another one. `--help` explains each of them.

Every check runs your code on a few small models with fresh random inputs, on the CPU and without a network. A
report says what was expected, what was seen, and what to read: `chapters/1-hook-basics.md#edit-a-copy` is the
section "Edit a copy" of chapter 1, on the tutorial's site or in `docs/` of its repository. With `--seed N`
the same inputs come again.
"""


@dataclass(frozen=True)
class Filled:
    """What `fill` did, as paths within the folder, with `/`.

    Attributes:
        written: files that were not there.
        updated: files that this version words otherwise, and that the student had not touched.
        kept: the student's own, left alone though something else would be written there.
    """

    written: tuple[str, ...]
    updated: tuple[str, ...]
    kept: tuple[str, ...]


def fill(
    folder: Path,
    exercises: Iterable[Exercise | str] | None = None,
    *,
    course: dict[str, Any] | None = None,
) -> Filled:
    """Write what is missing in a folder: all of it at first, new exercises after an upgrade.

    Args:
        folder: is made if it is missing.
        exercises: which ones, in addition to those that were chosen before: exercises, names, topics such as
            `"03_residual"`, or `"all"`. None: those that were chosen before, else all.
        course: to write into `.hooking/course.json`.

    Raises:
        WorkspaceError: the folder is a file, or lies within another place of exercises.
        ExerciseError: no such exercise.
    """
    _check_place(folder)
    before = Workspace(folder)
    settings = {"format": 1, **before.settings}
    settings["exercises"] = _chosen(exercises, before)
    file = before.hidden / "workspace.json"
    if file.is_file() and not _is_json(file):
        keep_copy(file, file.parent)
    if course is not None:
        write_whole(before.hidden / "course.json", _json(course))
    write_whole(file, _json(settings))
    filled = _write_missing(Workspace(folder), settings["written"])
    write_whole(file, _json(settings))
    return filled


def _check_place(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise WorkspaceError(f"{str(folder)!r} is a file: name a folder, new or not, to write into")
    for above in folder.absolute().parents:
        if (above / HIDDEN).is_dir() and not (folder / HIDDEN).is_dir():
            raise WorkspaceError(
                f"{str(folder)!r} lies within the exercises of {str(above)!r}: name that folder, or another"
            )


def _chosen(exercises: Iterable[Exercise | str] | None, before: Workspace) -> list[str] | None:
    """Names and topics, those of before among them; None: all."""
    earlier = before.settings["exercises"]
    if exercises is None:
        return list(earlier) if earlier is not None else None
    asked = [exercise if isinstance(exercise, str) else exercise.name for exercise in exercises]
    if not asked:
        raise ExerciseError("no exercise is chosen")
    names = {_full_name(name, before) for name in asked if name != ALL}
    chosen_all = earlier is None and (before.hidden / "workspace.json").is_file()
    names.update(earlier or ())
    every = all(name in names or e.topic in names for name, e in before.known.items())
    return None if ALL in asked or chosen_all or every else sorted(names)


def _full_name(name: str, workspace: Workspace) -> str:
    topic = name.strip("/\\")
    if any(exercise.topic == topic for exercise in workspace.known.values()):
        return topic
    return get_exercise(name, workspace.known).name


def _write_missing(workspace: Workspace, written: dict[str, str]) -> Filled:
    """Write files, and note the fingerprint of each in `written`."""
    new, updated, kept = [], [], []
    for path, text in _texts(workspace).items():
        file = workspace.folder.joinpath(*path.split("/"))
        if not file.exists():
            new.append(path)
        else:
            found = fingerprint(file.read_bytes().decode("utf-8-sig", "replace")) if file.is_file() else None
            if found == fingerprint(text):
                written[path] = fingerprint(text)
                continue
            if found is None or found != written.get(path):
                kept.append(path)
                continue
            updated.append(path)
        write_whole(file, text)
        written[path] = fingerprint(text)
    return Filled(tuple(new), tuple(updated), tuple(kept))


def _texts(workspace: Workspace) -> dict[str, str]:
    """What belongs into the folder, by path."""
    texts = {"README.md": README}
    for name, exercise in workspace.exercises.items():
        texts |= {f"{name}.md": exercise.handout, f"{name}.py": exercise.starter}
    return texts


def _is_json(file: Path) -> bool:
    try:
        json.loads(file.read_bytes())
    except ValueError:
        return False
    return True


def _json(values: dict[str, Any]) -> str:
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
