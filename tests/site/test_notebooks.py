"""The notebooks are what the chapters say, and they run."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import textwrap

import nbformat
import pytest

from tests import ROOT
from tests.turns import by_turns
from tools.notebooks import install_cell, notebooks
from tools.pages.page import read_page

OUTPUT = "<!--pytest-codeblocks:expected-output-->"
COMMITTED = [
    *sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")),
    *sorted((ROOT / "docs" / "labs").glob("*.ipynb")),
]
NOT_RUN = {"skip", "skipif", "importorskip", "cuda"}


@pytest.fixture
def make(tmp_path):
    """Turn the text of a chapter into a notebook."""

    def make(text, name="docs/chapters/one.md"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        return nbformat.reads(notebooks.convert(path, tmp_path / "docs/notebooks", tmp_path), 4)

    return make


@pytest.fixture
def prose(make):
    """The text of the notebook of a chapter, without the cells that come before it."""
    return lambda text, **options: "\n\n".join(cell.source for cell in make(text, **options).cells[2:])


def test_the_first_cell_says_where_the_notebook_comes_from(make):
    first = make("# One\n").cells[0]
    assert first.cell_type == "markdown"
    assert "[docs/chapters/one.md](../chapters/one.md)" in first.source
    assert "next cell installs" in first.source
    assert "(../index.md)" in make("# Start\n", "docs/index.md").cells[0].source


def test_the_first_cell_of_code_installs_the_package_from_the_clone_around_it(make):
    cell = make("# One\n\n```python\nx = 1\n```\n").cells[1]
    assert cell.source == install_cell.source("../..", "[pages]")
    assert cell.metadata.tags == ["install", "not-on-site"]


def test_prose_and_code_become_cells(make):
    cells = make("---\ntitle: x\n---\n# One\n\nText.\n\n```python\nx = 1\n\ny = 2\n```\n\nMore.\n").cells[2:]
    assert [(cell.cell_type, cell.source) for cell in cells] == [
        ("markdown", "# One\n\nText."),
        ("code", "x = 1\n\ny = 2"),
        ("markdown", "More."),
    ]


def test_an_output_stands_in_its_cell_and_not_in_the_text(make):
    cells = make(f"```python\nprint(1)\n```\n\n{OUTPUT}\n\n```text\n1\n```\n\nText.\n").cells[2:]
    assert cells[0].outputs == [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
    assert [cell.source for cell in cells] == ["print(1)", "Text."]


def test_a_figure_is_embedded_with_its_alt_text(make, tmp_path):
    (tmp_path / "docs/assets").mkdir(parents=True)
    (tmp_path / "docs/assets/a.png").write_bytes(b"the image")
    cells = make("```python\ndraw()\n```\n\n![A curve](../assets/a.png){ width=300 }\n\nText.\n").cells[2:]
    (output,) = cells[0].outputs
    assert base64.b64decode(output.data["image/png"]) == b"the image"
    assert output.metadata["image/png"]["alt"] == "A curve"
    assert [cell.source for cell in cells] == ["draw()", "Text."]


def test_a_figure_that_is_not_drawn_yet_is_an_error(make):
    with pytest.raises(notebooks.PageError, match=r"a\.png does not exist: pytest --bake draws it"):
        make("```python\ndraw()\n```\n\n![A curve](a.png)\n")


def test_an_announced_error_is_an_error_of_its_cell(make):
    mark = "<!--pytest.mark.raises(ValueError)-->"
    page = f"{mark}\n```python\nf()\n```\n{OUTPUT}\n```\na\nValueError: b\nc\n```\n"
    cell = make(page).cells[2]
    assert cell.metadata.tags == ["raises-exception"]
    stream, error = cell.outputs
    assert stream.text == "a\n"
    assert (error.ename, error.evalue, error.traceback) == ("ValueError", "b\nc", ["ValueError: b", "c"])


@pytest.mark.parametrize(
    ("mark", "tag"),
    [
        ("pytest.mark.cpu", "cpu"),
        ("pytest.mark.cuda", "cuda"),
        ('pytest.mark.skip(reason="x")', "skip"),
        ('pytest.mark.skipif(True, reason="x")', "skipif"),
        ('pytest.mark.output_varies(reason="x")', "output-varies"),
        ("pytest-codeblocks:importorskip(x)", "importorskip"),
    ],
)
def test_marks_become_tags(make, mark, tag):
    (cell,) = make(f"<!--{mark}-->\n```python\nx = 1\n```\n").cells[2:]
    assert cell.metadata.tags == [tag]


def test_tabs_become_headings_one_level_down(make):
    page = """\
        ## Section

        === "With a hook"

            Text.

            ```python
            x = 1

            y = 2
            ```

        === "Without"

            More.

        End.
    """
    cells = make(page).cells[2:]
    assert [cell.source for cell in cells] == [
        "## Section\n\n### With a hook\n\nText.",
        "x = 1\n\ny = 2",
        "### Without\n\nMore.\n\nEnd.",
    ]


def test_boxes_become_quotations(make):
    page = """\
        !!! warning "Mind the *dtype*"
            Text.

            - item

            ```python
            x = 1
            ```

            After.

        ??? note
            Folded.

        End.
    """
    cells = make(page).cells[2:]
    assert [cell.source for cell in cells] == [
        "> **Mind the *dtype***\n> Text.\n>\n> - item",
        "x = 1",
        "> After.\n\n> **Note**\n> Folded.\n\nEnd.",
    ]


def test_a_tab_in_a_box_keeps_both(prose):
    page = '!!! tip\n    === "A"\n\n        Text.\n\nEnd.\n'
    assert prose("# H\n\n" + page) == "# H\n\n> **Tip**\n> ## A\n>\n> Text.\n\nEnd."


def test_links_work_within_the_repository(prose):
    text = """\
        [a](two.md) [b](../reference/api.md#names) [c](#here) [d](https://x.org/y.md) [e](/z)
        ![f](../assets/f.svg){ width=3 } <img src="../assets/g.svg" alt=""> `[h](two.md)`

        [i]: ../index.md
    """
    assert prose(text) == (
        "[a](../chapters/two.md) [b](../reference/api.md#names) [c](../chapters/one.md#here) "
        "[d](https://x.org/y.md) [e](/z)\n"
        '![f](../assets/f.svg) <img src="../assets/g.svg" alt=""> `[h](two.md)`\n\n'
        "[i]: ../index.md"
    )


def test_links_of_the_start_page_are_relative_to_it(prose):
    assert prose("[a](chapters/two.md)\n", name="docs/index.md") == "[a](../chapters/two.md)"


def test_what_speaks_to_the_site_is_left_out(prose):
    text = """\
        # One { #one }

        [a](b.md){ .md-button } :material-home: home

        ```text title="x"
        {x}
        ```
    """
    assert prose(text) == "# One\n\n[a](../chapters/b.md) home\n\n```text\n{x}\n```"


def test_braces_of_the_text_stay(prose):
    assert (
        prose("A dict {a: 1} and $x_{1}$ (x){y} `{ .a }`.\n") == "A dict {a: 1} and $x_{1}$ (x){y} `{ .a }`."
    )


def test_shell_blocks_stay_text(make):
    (cell,) = make(f"```sh\necho 1\n```\n{OUTPUT}\n```\n1\n```\n").cells[2:]
    assert cell.cell_type == "markdown"
    assert cell.source == "```sh\necho 1\n```\n```\n1\n```"


def test_annotations_of_the_code_are_plain_comments(make):
    assert make("```python\nx = 1  # (1)!\n```\n\n1. One.\n").cells[2].source == "x = 1  # (1)"


def test_cell_ids_depend_on_what_a_cell_holds(make):
    ids = [cell.id for cell in make("```python\nx\n```\n\nA\n\n```python\nx\n```\n").cells[2:]]
    assert len(set(ids)) == 3
    assert [
        cell.id for cell in make("New.\n\n```python\nx\n```\n\nA\n\n```python\nx\n```\n").cells[3:]
    ] == ids


# The command


@pytest.fixture
def site(tmp_path):
    """A repository with a start page and a chapter."""
    (tmp_path / "docs/chapters").mkdir(parents=True)
    (tmp_path / "docs/index.md").write_text("# Start\n")
    (tmp_path / "docs/chapters/one.md").write_text("# One\n\n```python\nx = 1\n```\n")
    return tmp_path / "docs"


def run(docs, *arguments):
    return notebooks.main([*arguments, "--docs", str(docs)])


def test_notebooks_are_written_once_and_then_current(site, capsys):
    assert run(site) == 0
    assert capsys.readouterr().out == "wrote docs/notebooks/index.ipynb\nwrote docs/notebooks/one.ipynb\n"
    assert run(site, "--check") == run(site) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("change", ["edit the page", "edit the notebook", "remove the notebook"])
def test_a_stale_notebook_fails_the_check_and_says_how_to_mend_it(site, capsys, change):
    run(site)
    page, notebook = site / "chapters/one.md", site / "notebooks/one.ipynb"
    if change == "edit the page":
        page.write_text(page.read_text().replace("x = 1", "x = 2"))
    elif change == "edit the notebook":
        notebook.write_text(notebook.read_text() + "\n")
    else:
        notebook.unlink()
    before = sorted(site.rglob("*"))
    capsys.readouterr()
    assert run(site, "--check") == 1
    assert capsys.readouterr().out.splitlines() == [
        "stale: docs/notebooks/one.ipynb is not what docs/chapters/one.md says",
        "mend with: python -m tools.notebooks.notebooks",
    ]
    assert sorted(site.rglob("*")) == before  # it writes nothing
    assert run(site) == 0
    assert run(site, "--check") == 0


def test_an_orphan_fails_the_check_and_is_removed(site, capsys):
    run(site)
    (site / "chapters/one.md").unlink()
    assert run(site, "--check") == 1
    assert "orphan: docs/notebooks/one.ipynb has no page" in capsys.readouterr().out
    assert run(site) == 0
    assert not (site / "notebooks/one.ipynb").exists()


def test_the_notebook_of_a_lab_lies_beside_it(site, capsys):
    (site / "labs").mkdir()
    (site / "labs/lab.md").write_text("# Lab\n\n[one](../chapters/one.md)\n")
    assert run(site) == 0
    made = nbformat.read(site / "labs/lab.ipynb", 4)
    assert made.cells[2].source == "# Lab\n\n[one](../chapters/one.md)"
    (site / "labs/lab.md").unlink()
    capsys.readouterr()
    assert run(site, "--check") == 1
    assert "orphan: docs/labs/lab.ipynb has no page" in capsys.readouterr().out


def test_two_pages_cannot_make_the_same_notebook(site, capsys):
    (site / "chapters/index.md").write_text("# Chapters\n")
    assert run(site) == 1
    assert "rename one" in capsys.readouterr().err


def test_a_page_with_an_error_is_named(site, capsys):
    (site / "chapters/one.md").write_text("```py\nx = 1\n```\n")
    assert run(site, "--check") == 1
    assert "docs/chapters/one.md:1: a Python fence" in capsys.readouterr().err


def test_the_command_runs_from_anywhere(tmp_path):
    command = [sys.executable, str(ROOT / "tools/notebooks/notebooks.py"), "--help"]
    assert (
        "--check" in subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    )


# The notebooks that are committed


def test_the_committed_notebooks_are_what_the_pages_say(capsys):
    status = notebooks.main(["--check"])
    printed = capsys.readouterr()
    assert status == 0, printed.out + printed.err


def shown(cell):
    """What a cell prints and the error it ends in."""
    text = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")
    return text, [(o.ename, o.evalue) for o in cell.outputs if o.output_type == "error"]


def execute(notebook, folder):
    """Run a notebook as a reader would, and compare what its cells print with what they hold."""
    from nbclient import NotebookClient

    wanted = [cell for cell in notebook.cells if not NOT_RUN & set(cell.metadata.get("tags", []))]
    ran = nbformat.from_dict(json.loads(json.dumps({**notebook, "cells": wanted})))
    NotebookClient(
        ran, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    for before, after in zip(wanted, ran.cells, strict=True):
        if before.cell_type == "code" and "output-varies" not in before.metadata.get("tags", []):
            assert shown(after) == shown(before), before.source


@pytest.fixture
def reader(monkeypatch):
    """The environment of a reader who works in a clone, on the CPU."""
    if os.environ.get("TUTORIAL_MODEL"):
        pytest.skip("another model prints something else than the notebooks hold")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("TUTORIAL_DEVICE", "cpu")
    monkeypatch.delenv("MPLBACKEND", raising=False)


# A kernel imports torch anew, and the blocks of the pages are run in each push: the notebooks take turns.
@pytest.mark.slow
@pytest.mark.parametrize("path", by_turns(COMMITTED, of=12), ids=lambda path: path.stem)
def test_a_committed_notebook_runs_and_prints_what_it_holds(path, reader, tmp_path):
    execute(nbformat.read(path, 4), tmp_path)


RAISING = f"""\
<!--pytest.mark.raises(ValueError)-->
```python
print(1)
raise ValueError('x')
```
{OUTPUT}
```
1
ValueError: x
```
"""


@pytest.mark.slow
def test_running_a_notebook_tells_a_wrong_output(make, reader, tmp_path):
    good = f"```python\nprint(1)\n```\n{OUTPUT}\n```\n1\n```\n" + RAISING
    skipped = '<!--pytest.mark.skip(reason="x")-->\n```python\n1 / 0\n```\n'
    varies = '<!--pytest.mark.output_varies(reason="x")-->\n```python\nprint(2)\n```\n'
    execute(make(good + skipped + varies), tmp_path)
    for wrong in (good.replace("\n1\n```", "\n2\n```"), RAISING.replace("Error: x", "Error: y")):
        with pytest.raises(AssertionError):
            execute(make(wrong), tmp_path)


@pytest.mark.slow
def test_running_a_notebook_tells_an_error_that_is_not_announced(make, reader, tmp_path):
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError):
        execute(make("```python\n1 / 0\n```\n"), tmp_path)


def test_every_block_of_a_page_is_a_cell(tmp_path):
    for notebook, page in notebooks.sources(ROOT / "docs").items():
        if notebook.exists():
            blocks = [block for block in read_page(page, ROOT).blocks if block.syntax == "python"]
            cells = [cell for cell in nbformat.read(notebook, 4).cells if cell.cell_type == "code"]
            assert len(cells) == 1 + len(blocks), page  # one more installs
