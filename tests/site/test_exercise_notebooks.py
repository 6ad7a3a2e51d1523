"""The notebooks of the exercises are what the exercises say, and checks in a cell work."""

from __future__ import annotations

import linecache
import subprocess
import sys

import nbformat
import pytest

from tests import ROOT
from tools.exercises import exercise_notebooks
from tools.exercises.exercise_words import linked
from tutorial_lib.checker import report
from tutorial_lib.checker.report import CheckResult, Report
from tutorial_lib.checker.untouched import is_starter
from tutorial_lib.exercises import exercise
from tutorial_lib.exercises.catalog import find_exercises, get_exercise

EXERCISES = find_exercises()
TOPICS = sorted({each.topic for each in EXERCISES.values()})
NAME = "01_hooks/print_a_shape"


def of_topic(topic):
    return [each for each in EXERCISES.values() if each.topic == topic]


def notebook(topic=TOPICS[0]):
    """A notebook as it is made now."""
    cells = exercise_notebooks.cells_of_topic(topic, of_topic(topic))
    return nbformat.reads(exercise_notebooks.notebook_text(cells), 4)


# What is in them


def test_the_committed_notebooks_are_what_the_exercises_say(capsys):
    assert exercise_notebooks.main(["--check"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("topic", TOPICS)
def test_each_exercise_has_its_task_starter_check_and_hints(topic):
    cells = [(cell.cell_type, cell.source) for cell in notebook(topic).cells]
    for each in of_topic(topic):
        at = cells.index(("code", each.starter.strip()))
        assert cells[at - 1][0] == "markdown"
        assert f"## {each.title}" in cells[at - 1][1]
        assert cells[at + 1] == ("code", f'exercise("{each.name}").check({each.answer})')
        assert cells[at + 2][1].count("<details>") == len(each.hints)


@pytest.mark.parametrize("topic", TOPICS)
def test_no_solution_is_in_a_notebook(topic):
    text = "\n".join(cell.source for cell in notebook(topic).cells)
    for each in of_topic(topic):
        assert each.solution.strip() not in text


def test_links_of_a_notebook_lead_to_pages():
    for topic in TOPICS:
        for cell in notebook(topic).cells:
            for link in exercise_notebooks.re.findall(r"\]\((?!https?:)([^)#]+)", cell.source):
                assert (ROOT / "docs/exercises/notebooks" / link).exists(), link


def test_a_link_written_as_from_docs_leads_there_from_the_notebook():
    assert linked("[a](chapters/b.md#c)") == "[a](../../chapters/b.md#c)"


def test_a_stale_notebook_and_an_orphan_fail_the_check_and_are_mended(tmp_path, capsys):
    docs = tmp_path / "docs"
    run = lambda *more: exercise_notebooks.main(["--docs", str(docs), *more])  # noqa: E731
    assert run() == 0
    assert run("--check") == 0
    folder = docs / "exercises" / "notebooks"
    assert [path.stem for path in sorted(folder.iterdir())] == TOPICS
    first, orphan = folder / f"{TOPICS[0]}.ipynb", folder / "99_gone.ipynb"
    first.write_text("{}")
    orphan.write_text("{}")
    capsys.readouterr()
    assert run("--check") == 1
    assert capsys.readouterr().out.splitlines() == [
        f"stale: docs/exercises/notebooks/{TOPICS[0]}.ipynb is not what the exercises say",
        "orphan: docs/exercises/notebooks/99_gone.ipynb has no exercises",
        "mend with: python -m tools.exercises.exercise_notebooks",
    ]
    assert first.read_text() == "{}"
    assert run() == 0
    assert not orphan.exists()
    assert run("--check") == 0


# The cell that installs


def run_install(folder, source, found):
    """Run the cell where the package is found or not, and say what it would have installed."""
    stub = (
        "import importlib.util, subprocess, sys, types\n"
        f"importlib.util.find_spec = lambda name: {found!r} or None\n"
        "subprocess.run = lambda command, check: print('ran', *command[1:])\n"
        "sys.modules['tutorial_lib'] = types.ModuleType('tutorial_lib')\n"
        "sys.modules['tutorial_lib.exercises'] = made = types.ModuleType('tutorial_lib.exercises')\n"
        "made.exercise = None\n"
    )
    code = stub + exercise_notebooks.INSTALL.replace('"../../.."', repr(source))
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)


def test_nothing_is_installed_where_the_package_is(tmp_path):
    assert run_install(tmp_path, "nowhere", "here").stdout == ""


def test_the_package_is_installed_from_a_clone_or_an_address(tmp_path):
    (tmp_path / "pyproject.toml").write_text("")
    address = "git+https://example.org/repository"
    for source, wanted in ((str(tmp_path), tmp_path), (address, f"hf-hooking-tutorial @ {address}")):
        run = run_install(tmp_path, source, "")
        assert run.stdout == f"ran -m pip install --quiet {wanted}\n", run.stderr


def test_a_folder_that_is_no_clone_says_which_variable_to_set(tmp_path):
    run = run_install(tmp_path, "../../..", "")
    assert run.stdout == ""
    assert run.stderr.splitlines()[-1] == (
        "FileNotFoundError: no clone in '../../..': set TUTORIAL_LIB to a folder or an address"
    )


# Running them


def solved(topic):
    """A notebook with the solutions in the place of the starters."""
    made, solutions = notebook(topic), {e.starter.strip(): e.solution for e in of_topic(topic)}
    for cell in made.cells:
        cell.source = solutions.get(cell.source, cell.source)
    return made


def executed(notebook, folder):
    """What the checks of a notebook show after it ran in a kernel."""
    from nbclient import NotebookClient

    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    return {
        cell.source: output.data
        for cell in notebook.cells
        if cell.cell_type == "code" and cell.source.startswith("exercise(")
        for output in cell.outputs
        if output.output_type == "execute_result"
    }


@pytest.mark.slow
@pytest.mark.turn(1, 2)
def test_an_untouched_notebook_runs_to_its_end_and_nothing_is_attempted(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = executed(notebook(), tmp_path)
    assert len(shown) == len(of_topic(TOPICS[0]))
    for data in shown.values():
        assert ": not attempted\n" in data["text/plain"]
        assert ": not attempted**" in data["text/markdown"]


@pytest.mark.slow
@pytest.mark.turn(0, 2)
def test_with_the_solutions_in_it_every_check_of_a_notebook_passes(monkeypatch, tmp_path):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    shown = executed(solved(TOPICS[0]), tmp_path)
    assert len(shown) == len(of_topic(TOPICS[0]))
    for data in shown.values():
        assert ": passed, " in data["text/plain"], data["text/plain"]


def reports(notebook):
    """What the checks of a notebook give, its cells run one after the other here."""
    found, namespace = [], {}
    for number, cell in enumerate(cell for cell in notebook.cells if cell.cell_type == "code"):
        if cell.source.startswith("exercise("):
            found.append(eval(cell.source, namespace))
            continue
        name = f"<cell {notebook.cells[0].id} {number}>"
        linecache.cache[name] = (len(cell.source), None, cell.source.splitlines(keepends=True), name)
        exec(compile(cell.source, name, "exec"), namespace)
    return found


@pytest.mark.parametrize("topic", TOPICS)
def test_in_every_notebook_starters_are_not_attempted_and_solutions_pass(topic):
    names = [each.name for each in of_topic(topic)]
    untouched, right = reports(notebook(topic)), reports(solved(topic))
    assert [each.exercise for each in untouched] == [each.exercise for each in right] == names
    assert {each.outcome for each in untouched} == {report.NOT_ATTEMPTED}
    assert {each.outcome for each in right} == {report.PASSED}, [str(each) for each in right]


# A check in a cell


def check(answer):
    return exercise(NAME).check(answer, seed=1)


def defined(source, tmp_path, name="print_shape"):
    """What a cell with this source defines; like a cell, it has a text that can be found."""
    file = tmp_path / "cell.py"
    file.write_text(source)
    namespace: dict[str, object] = {}
    exec(compile(source, str(file), "exec"), namespace)
    return namespace[name]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("print_shape", r"check\('print_shape'\) got a text, not a function"),
        (None, r"got None, not a function: is it the result of calling `print_shape`"),
        ((1, 2), r"got a tuple, not a function: is it the result"),
        (dict, r"check\(dict\) got a class, not a function"),
        (sys, r"check\(sys\) got a module, not a function"),
    ],
)
def test_a_wrong_object_is_refused_with_what_to_give(given, said):
    with pytest.raises(TypeError, match=said) as refused:
        check(given)
    assert str(refused.value).endswith("give the function itself: .check(print_shape)")


def test_an_unknown_exercise_is_refused_with_close_ones():
    with pytest.raises(ValueError, match=f"no exercise 'print_shape'; close ones: .*{NAME}"):
        exercise("print_shape")


def test_the_starter_is_not_attempted_whatever_its_comments(tmp_path):
    starter = get_exercise(NAME).starter
    for source in (starter, starter.replace("    raise", "    # soon\n\n    raise")):
        assert check(defined(source, tmp_path)).outcome == report.NOT_ATTEMPTED


BUGGY = """\
SCALE = 2


def helper(x):
    return x


def answer(x, layers=(1, 2)):
    def hook(module, args):
        return helper(args) * SCALE
    return hook
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return helper(args) * SCALE", "return SCALE * helper(args)"),
        ("    return x\n", "    return x + 1\n"),
        ("SCALE = 2", "SCALE = 3"),
        ("layers=(1, 2)", "layers=(1, 3)"),
        ("def helper(x):\n    return x\n", "helper = abs\n"),
    ],
)
def test_a_bug_is_the_starter_until_something_of_it_is_changed(tmp_path, old, new):
    assert is_starter(defined(BUGGY, tmp_path, "answer"), BUGGY, "answer")
    changed = BUGGY.replace(old, new)
    assert changed != BUGGY
    (tmp_path / "other").mkdir()
    assert not is_starter(defined(changed, tmp_path / "other", "answer"), BUGGY, "answer")


def test_a_decorated_starter_is_known(tmp_path):
    source = "import contextlib\n\n\n@contextlib.contextmanager\ndef answer():\n    yield\n"
    assert is_starter(defined(source, tmp_path, "answer"), source, "answer")


def test_a_function_without_a_text_is_checked(tmp_path):
    namespace: dict[str, object] = {}
    exec(get_exercise(NAME).solution, namespace)
    assert check(namespace["print_shape"]).passed


# What a report shows


FAILED = Report(
    "a/b",
    report.FAILED,
    "you gave `x < 3`, not <x>",
    CheckResult("the `x`", "gpt2", False, "m", "", "(2, `7`)", "<class 'int'>", "chapters/a.md#b"),
    printed="hello\nthere\n",
    seed=7,
)


def test_a_report_reads_well_at_a_prompt():
    assert repr(FAILED) == str(FAILED)
    assert repr(FAILED).startswith(
        "a/b: failed on a tiny random gpt2: the `x`\n  you gave `x < 3`, not <x>\n"
    )


def test_a_report_reads_well_in_a_notebook():
    assert FAILED._repr_markdown_().split("\n\n") == [
        "**a/b: failed** on a tiny random gpt2: the `x`",
        "you gave `x < 3`, not &lt;x>",
        "- expected: `` (2, `7`) ``\n- seen: `<class 'int'>`\n- read: `chapters/a.md#b`",
        "printed:",
        "    hello\n    there",
        "The same inputs again: `.check(..., seed=7)`",
    ]
    passed = Report("a/b", report.PASSED, results=(CheckResult("t", "box", True),))
    assert passed._repr_markdown_() == "**a/b: passed, 1 check on box**"


def test_an_outcome_that_no_input_changes_shows_no_seed():
    untouched = Report("a/b", report.NOT_ATTEMPTED, "It is still the starter.")
    assert untouched._repr_markdown_() == "**a/b: not attempted**\n\nIt is still the starter."
