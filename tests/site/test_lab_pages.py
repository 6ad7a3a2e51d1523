"""The pages of the labs, as mkdocs-jupyter and then tools/site/lab_pages.py make them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_output

from tests import ROOT
from tools.notebooks import notebooks
from tools.site import lab_pages
from tools.site.finish_site import finish

pytestmark = pytest.mark.xdist_group("lab pages")  # the site is built once

CONFIG = """\
site_name: Labs
site_description: Of all pages.
edit_uri: https://example.org/edit/main/docs/
theme: {name: material, font: false}
nav: [index.md, {Labs: [labs/lab.ipynb]}]
exclude_docs: labs/*.md
plugins: [PLUGIN]
"""
LAB = """\
---
description: "One & all."
---

# A lab

!!! abstract "In this lab"

    **You need** [home](../index.md#one).

> A quotation.

```python
x = 1 < 2
print(x)
```

<!--pytest-codeblocks:expected-output-->

```text
True
```

![A "red" curve](curve.png)

## More

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a lab, as MkDocs builds it; `plugins` are those of this project."""
    root = tmp_path_factory.mktemp("project")
    plugin = re.search(
        r"^  - mkdocs-jupyter:\n(?:      .*\n)+", (ROOT / "mkdocs.yml").read_text(), re.MULTILINE
    )
    assert plugin
    config = CONFIG.replace("plugins: [PLUGIN]\n", f"plugins:\n  - search\n{plugin[0]}")
    files = {
        "mkdocs.yml": config,
        "docs/index.md": "---\ndescription: x\n---\n\n# One\n",
        "docs/labs/lab.md": LAB,
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "docs/labs/curve.png").write_bytes(b"the image")
    assert notebooks.main(["--docs", str(root / "docs")]) == 0
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict"]
    subprocess.run(command, cwd=root, check=True)
    return root


@pytest.fixture(scope="module")
def page(built: Path) -> str:
    """The page of the lab, finished twice."""
    for _ in range(2):
        finish(built / "site", built / "docs")
    return (built / "site/labs/lab/index.html").read_text()


@pytest.fixture
def article(page: str) -> str:
    found = re.search(r"<article.*</article>", page, re.DOTALL)
    assert found
    return found[0]


def test_code_and_what_it_printed_are_marked_up_as_in_a_chapter(article: str) -> None:
    assert '<div class="language-python highlight"><pre><span></span><code>x' in article
    output = '<div class="language-text highlight"><pre><span></span><code>True\n</code></pre></div>'
    assert f"</code></pre></div>\n{output}" in article


def test_nothing_of_jupyterlab_is_left(article: str) -> None:
    for word in ("jp-", "jupyter-wrapper", "<script", "<style", "clipboard", "data:image", "cdnjs"):
        assert word not in article, word


def test_what_only_the_notebook_needs_is_not_on_the_page(article: str) -> None:
    assert "TUTORIAL_LIB" not in article
    assert "edit that page" not in article
    assert "../lab.ipynb" in article  # to download


def test_figures_are_their_files_with_their_alt_text(article: str) -> None:
    (image,) = BeautifulSoup(article, "html.parser").find_all("img")
    assert (image["src"], image["alt"]) == ("../curve.png", 'A "red" curve')


def test_links_lead_to_pages_and_the_pencil_to_the_source(page: str, article: str) -> None:
    assert '<a href="../../#one">home</a>' in article
    assert "labs/lab.ipynb" not in re.sub(r"docs/labs/lab\.ipynb", "", article)


def test_a_box_is_a_box_and_a_quotation_a_quotation(article: str) -> None:
    assert '<div class="admonition abstract">\n<p class="admonition-title">In this lab</p>' in article
    assert "<blockquote>\n<p>A quotation.</p>\n</blockquote>" in article


def test_the_description_is_that_of_the_source(page: str) -> None:
    assert '<meta name="description" content="One &amp; all.">' in page


def test_a_page_is_far_smaller_than_the_plugin_makes_it(page: str) -> None:
    assert len(page) < 60_000


def test_the_markdown_of_the_lab_lies_beside_its_page(built: Path, page: str) -> None:
    assert (built / "site/labs/lab.md").read_text().startswith("# A lab\n")


def test_the_search_finds_a_section_of_a_lab_as_one_of_another_page(built: Path, page: str) -> None:
    found = json.loads((built / "site/search/search_index.json").read_text())["docs"]
    labs = {entry["location"]: entry for entry in found if entry["location"].startswith("labs/")}
    assert [(location, entry["title"]) for location, entry in labs.items()] == [
        ("labs/lab/", "A lab"),
        ("labs/lab/#more", "More"),
    ]
    assert labs["labs/lab/"]["text"].endswith(
        "<pre><code>x = 1 &lt; 2\nprint(x)</code></pre> <pre><code>True</code></pre> <p></p> "
    )
    assert "Copied" not in labs["labs/lab/"]["text"]
    assert "a\n" in labs["labs/lab/#more"]["text"]
    assert any(entry["location"] == "" and "One" in entry["title"] for entry in found)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (
            new_output("display_data", {"text/html": "<b>x</b>"}),
            "an output that is neither text nor a figure",
        ),
        (new_output("display_data", {"image/png": "b3RoZXI="}), "a figure that is not a file beside it"),
    ],
)
def test_an_output_that_the_page_cannot_show_is_an_error(
    built: Path, tmp_path: Path, output: nbformat.NotebookNode, message: str
) -> None:
    from mkdocs_jupyter.convert import nb2html

    made = nbformat.read(built / "docs/labs/lab.ipynb", 4)
    made.cells[-2].outputs.append(output)
    nbformat.write(made, tmp_path / "lab.ipynb")
    html = f"<article>{nb2html(str(tmp_path / 'lab.ipynb'))}</article>"
    with pytest.raises(lab_pages.LabError, match=message):
        lab_pages.lab_page(html, built / "docs/labs/lab.md", built / "docs", "")
