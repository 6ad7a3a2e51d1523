"""Exercises small enough for tests: `double(x)` must give two times x."""

import json
from pathlib import Path

from tutorial_lib.workspace.filling import fill
from tutorial_lib.workspace.workspace import Workspace

STARTER = 'def double(x):\n    """Two times x."""\n    raise NotImplementedError\n'
SOLUTION = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    print('three?')\n    return 3 * x\n"

OBSERVE = """\
def observe(answer, case):
    return {"doubled": answer(case.normal(3)), "variant": case.spec.variant}
"""
CHECKS = """\
from tutorial_lib.exercises.checking import check, expect_close


@check("the result is twice as large")
def doubles(case, seen):
    expect_close(seen["doubled"], 2 * case.normal(3), "what you returned")
"""
HINTS = "## What to return\n\nSomething *twice* as large.\n\n## How\n\n`2 * x` → the answer.\n"


def add_exercise(
    root: Path,
    name: str,
    *,
    minutes: int = 5,
    prerequisites: tuple[str, ...] = (),
    solution: bool = True,
    **files: str,
) -> Path:
    """Write an exercise below a root. `files`: other texts, such as `starter="..."`, `observe="..."`."""
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    fields = {
        "title": f"Twice, {name}",
        "chapter": "chapters/1-hook-basics.md#handles",
        "difficulty": "easy",
        "minutes": minutes,
        "points": 2,
        "answer": "double",
        "prerequisites": list(prerequisites),
        "models": ["box"],
    }
    toml = "".join(f"{field} = {json.dumps(value)}\n" for field, value in fields.items())
    texts = {
        "exercise.toml": toml,
        "task.md": files.get("task", f"# Twice\n\nWrite `double(x)` of {name}.\n"),
        "starter.py": files.get("starter", STARTER),
        "observe.py": files.get("observe", OBSERVE),
        "checks.py": files.get("checks", CHECKS),
        "hints.md": files.get("hints", HINTS),
    }
    if solution:
        texts["solution.py"] = SOLUTION
    for file, text in texts.items():
        (folder / file).write_text(text, encoding="utf-8")
    return folder


def add_three(root: Path) -> None:
    """`01_one/first`, `01_one/second`, and `02_two/third`, which comes after both."""
    add_exercise(root, "01_one/first", minutes=3)
    add_exercise(root, "01_one/second", minutes=4)
    add_exercise(root, "02_two/third", prerequisites=("01_one/first", "01_one/second"))


def a_workspace(folder: Path, exercises=None, *, course=None) -> Workspace:
    """A student's folder with exercises in it."""
    fill(folder, exercises, course=course)
    return Workspace(folder)
