"""What a page says about running it, and the notebooks as the site gives them out."""

import json
from pathlib import Path

import nbformat
import pytest

from tests.test_finish_site import finish, project  # noqa: F401
from tools import notebooks
from tools.check_links import read_site
from tools.install_cell import TAG
from tools.run_it import Published, for_readers, with_block

REPOSITORY = "https://github.com/owner/name"


@pytest.fixture
def with_notebooks(project: Path) -> Path:  # noqa: F811
    """The small project with its notebooks, of pages that hold nothing to run."""
    for name in ("index.md", "chapters/1-one.md", "chapters/2-two.md"):
        (project / "docs" / name).write_text("---\ndescription: A page.\n---\n\n# One\n")
    assert notebooks.main(["--docs", str(project / "docs")]) == 0
    return project


def page(folder: Path, name: str = "chapters/1-one") -> str:
    return (folder / "site" / name / "index.html").read_text()


def test_each_chapter_has_its_notebook_and_the_commands_under_its_title_once(with_notebooks: Path) -> None:
    assert finish(with_notebooks) == finish(with_notebooks) == 0
    one = page(with_notebooks)
    assert one.count('<div class="run-it">') == 1
    assert '</h1>\n<div class="run-it"><a href="../../notebooks/1-one.ipynb" download>' in one
    assert "jupyter lab docs/notebooks/1-one.ipynb\n" in one
    assert (with_notebooks / "site/notebooks/1-one.ipynb").is_file()
    assert "run-it" not in (with_notebooks / "site/index.html").read_text()
    assert list(read_site(with_notebooks / "site").problems()) == []


def test_nothing_is_said_of_a_repository_that_is_not_known(with_notebooks: Path) -> None:
    assert finish(with_notebooks) == 0
    assert "Colab" not in page(with_notebooks)
    assert "# in a clone of the repository\n" in page(with_notebooks)


def test_colab_opens_the_notebook_of_this_build_of_the_site(
    with_notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_URL", f"{REPOSITORY}/")
    assert finish(with_notebooks) == 0
    assert "Colab" not in page(with_notebooks)  # it is not known where the site is committed
    assert f"git clone {REPOSITORY}\ncd name\n" in page(with_notebooks)
    monkeypatch.setenv("SITE_TREE", "gh-pages/1.2.0")
    assert finish(with_notebooks) == 0
    address = "https://colab.research.google.com/github/owner/name/blob/gh-pages/1.2.0/notebooks/1-one.ipynb"
    assert f'<a href="{address}">Open in Colab</a>' in page(with_notebooks)


def test_colab_opens_nothing_from_elsewhere_than_github() -> None:
    assert Published("https://gitlab.com/owner/name", tree="gh-pages/dev").colab("notebooks/a.ipynb") == ""


def test_a_notebook_of_the_site_installs_from_the_commit_that_the_site_was_built_from(
    with_notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPO_URL", REPOSITORY)
    monkeypatch.setenv("REPO_REF", "abc")
    assert finish(with_notebooks) == 0
    made = nbformat.read(with_notebooks / "site/notebooks/1-one.ipynb", 4)
    (cell,) = [cell for cell in made.cells if TAG in cell.metadata.get("tags", [])]
    assert f'TUTORIAL_LIB = "git+{REPOSITORY}@abc"\n' in cell.source


def test_links_of_a_notebook_lead_to_the_site_where_its_address_is_known(with_notebooks: Path) -> None:
    docs = with_notebooks / "docs"
    notebook = docs / "notebooks/2-two.ipynb"
    made = json.loads(notebook.read_text())
    made["cells"][2]["source"] = [
        "[a](../index.md) [b](../chapters/1-one.md#it) [c](https://x.org/y.md) `[d](e.md)`"
    ]
    notebook.write_text(json.dumps(made))
    text = for_readers(notebook, docs, Published(site="https://example.org/s/"))
    assert "".join(json.loads(text)["cells"][2]["source"]) == (
        "[a](https://example.org/s/) [b](https://example.org/s/chapters/1-one/#it) "
        "[c](https://x.org/y.md) `[d](e.md)`"
    )
    assert for_readers(notebook, docs, Published()) == notebook.read_text()


def test_a_page_without_a_title_is_an_error() -> None:
    with pytest.raises(ValueError, match="no </h1>"):
        with_block("<p>Text</p>", "lines")


def test_commands_that_clone_name_the_repository_once_it_is_known(
    with_notebooks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = with_notebooks / "site/index.html"
    built.write_text(built.read_text().replace("</body>", "git clone REPOSITORY hooking</body>"))
    assert finish(with_notebooks) == 0
    assert "git clone REPOSITORY hooking" in built.read_text()
    monkeypatch.setenv("REPO_URL", REPOSITORY)
    assert finish(with_notebooks) == 0
    assert f"git clone {REPOSITORY} hooking" in built.read_text()
