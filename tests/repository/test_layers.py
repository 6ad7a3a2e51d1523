"""The house has floors: imports point down, no two files import each other, and a name is one room."""

import ast
from collections import defaultdict
from pathlib import Path

from tests import ROOT
from tutorial_lib.course.sources import imported

# From the ground up. A room may import what stands in a line above its own, and itself.
FLOORS = """
arguments files tiny_model tiny_random
hook_calls activations architecture
hooks
capture compiled
leftovers residual tokens verify models
interventions maps
directions patching
lens collect
exercises
checker
workspace sandbox
course
_api
commands
cli
""".split("\n")
FLOOR = {room: number for number, line in enumerate(FLOORS) for room in line.split()}
# Two doors lead up on purpose: `exercise()` is found where the exercises are, and a collection is started by
# `python -m tutorial_lib.collect`.
DOORS = {("exercises/__init__.py", "checker"), ("collect/__main__.py", "commands")}
FOLDERS = ("tutorial_lib", "tools", "benchmarks")


def python_files():
    """All files but the content of the exercises and the jobs that stand on a page."""
    for folder in FOLDERS:
        for file in sorted((ROOT / folder).rglob("*.py")):
            name = file.relative_to(ROOT).as_posix()
            if not any(part[0].isdigit() for part in Path(name).parts) and "coming_from/jobs" not in name:
                yield name


FILES = list(python_files())
MODULES = {name.removesuffix(".py").removesuffix("/__init__").replace("/", "."): name for name in FILES}


def imports_of(name):
    """The modules of this repository that a file imports."""
    for asked in imported(ROOT / name):
        found = asked if asked in MODULES else asked.rpartition(".")[0]
        if found in MODULES and MODULES[found] != name:
            yield found


def test_every_import_of_the_library_points_down():
    wrong = []
    for name in FILES:
        if not name.startswith("tutorial_lib/"):
            continue
        within = name.removeprefix("tutorial_lib/")
        room = within.split("/")[0].removesuffix(".py")
        for module in imports_of(name):
            parts = module.split(".")
            if parts[0] != "tutorial_lib":
                wrong.append(f"{name} imports {module}, which is not in the wheel")
            elif len(parts) == 1 or parts[1] == room or (within, parts[1]) in DOORS or room == "__init__":
                continue
            elif FLOOR[parts[1]] >= FLOOR[room]:
                wrong.append(f"{name} imports {module}, which stands no lower")
    assert wrong == []


def test_no_file_is_in_a_circle_of_imports():
    graph = {module: set(imports_of(name)) for module, name in MODULES.items()}
    while leaves := {module for module, needs in graph.items() if not needs & set(graph)}:
        graph = {module: needs for module, needs in graph.items() if module not in leaves}
    assert sorted(graph) == []


def test_no_two_files_have_one_name():
    places = defaultdict(list)
    for name in FILES:
        if Path(name).stem not in ("__init__", "__main__"):
            places[Path(name).name].append(name)
    assert [names for names in places.values() if len(names) > 1] == []


def test_no_two_public_classes_have_one_name():
    places = defaultdict(list)
    for name in FILES:
        for node in ast.parse((ROOT / name).read_bytes()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


def test_the_companion_lies_flat_and_is_read_in_an_afternoon():
    flat = [name for name in FILES if name.count("/") == 1 and name.startswith("tutorial_lib/")]
    assert len(flat) <= 18
    path = ("hooks", "activations", "capture", "residual", "interventions")
    lines = [len((ROOT / f"tutorial_lib/{name}.py").read_text().splitlines()) for name in path]
    assert sum(lines) < 1200
