"""Notebooks as plain values, and the cells that both exports have."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tutorial_lib.course import CourseError
from tutorial_lib.course.release import RELEASED
from tutorial_lib.exercises import catalog
from tutorial_lib.exercises.catalog import Exercise

Cell = dict[str, Any]
OWN = "exercises"  # folder beside the notebooks, with the exercises that are not the package's

_OF_PACKAGE = """\
from tutorial_lib.exercises import exercise

report = exercise({name!r}).check({answer})
assert report.passed, report
"""
_OF_FOLDER = """\
from pathlib import Path

from tutorial_lib.exercises.catalog import read_exercise
from tutorial_lib.checker.notebook import NotebookExercise

report = NotebookExercise(read_exercise(Path({folder!r}))).check({answer})
assert report.passed, report
"""


def cell(kind: str, name: str, source: str, **metadata: Any) -> Cell:
    """A cell: "markdown", "code" or "raw"."""
    made: Cell = {"cell_type": kind, "id": name, "metadata": metadata, "source": source.strip("\n")}
    return {**made, "outputs": [], "execution_count": None} if kind == "code" else made


def write_notebook(file: Path, cells: Iterable[Cell]) -> None:
    """Write a notebook of format 4.5."""
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = {
        "cells": list(cells),
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def is_own(exercise: Exercise) -> bool:
    """Whether an exercise is not the package's, so that its files must lie beside the notebook."""
    return catalog.HERE not in exercise.folder.parents


def check_code(exercise: Exercise) -> str:
    """Code that checks the answer in a notebook and raises its report if it is wrong."""
    if is_own(exercise):
        return _OF_FOLDER.format(folder=f"{OWN}/{exercise.name}", answer=exercise.answer)
    return _OF_PACKAGE.format(name=exercise.name, answer=exercise.answer)


def copy_own(exercises: Iterable[Exercise], folder: Path) -> list[str]:
    """Copy the public files of exercises that are not the package's.

    Returns:
        Their paths within the folder.
    """
    paths = []
    for exercise in filter(is_own, exercises):
        for name in RELEASED:
            path = f"{OWN}/{exercise.name}/{name}"
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(exercise.folder / name, folder / path)
            paths.append(path)
    return paths


def identifier(exercise: Exercise) -> str:
    """An exercise's name without a slash."""
    return exercise.name.replace("/", "_")


def new_folder(out: Path) -> None:
    """That a folder can be written into.

    Raises:
        CourseError: something is in it.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise CourseError(f"{out} is not empty; export into a new folder, so that nothing is overwritten")
    out.mkdir(parents=True, exist_ok=True)
