"""The link checker finds what is broken in a built site and in its notebooks, and nothing else."""

from __future__ import annotations

import json

import pytest

from tools.reference.anchors import github_anchors
from tools.site.check_links import main

GOOD = """\
<html><head>
<link rel="canonical" href="https://elsewhere.org/site/">
<link rel="stylesheet" href="assets/a.css">
<script src="assets/a.js"></script>
<style>@font-face { src: url("assets/a.woff") }</style>
<script>const text = "url(https://elsewhere.org/x)"</script>
</head><body>
<h1 id="top">Top</h1> <a name="old"></a>
<a href="#top">1</a> <a href="#old">2</a> <a href="two/">3</a> <a href="two/#der%20Anker">4</a>
<a href="/site/two/index.html">5</a> <a href="https://elsewhere.org">6</a> <a href="mailto:a@b.c">7</a>
<a href="lab.ipynb#A-Heading">8</a> <a href="#__tabbed_1_1">9</a> <a href="">10</a> <a href=".">11</a>
<a href="two/?q=1">12</a>
<img src="assets/a.png" srcset="assets/a.png 1x, assets/a.png 2x" alt="A">
<img src="data:image/png;base64,AA" alt="">
<svg><use href="#top"/></svg>
</body></html>
"""


@pytest.fixture
def site(tmp_path):
    """A site without a mistake, and the way to check it with one change."""
    root = tmp_path / "site"
    files = {
        "index.html": GOOD,
        "two/index.html": '<p id="der Anker"></p><a href="..">up</a><img src="../assets/a.png" alt="">',
        "404.html": '<a href="/site/">home</a>',
        "lab.ipynb": json.dumps({"cells": [{"cell_type": "markdown", "source": ["# A Heading\n", "x"]}]}),
        "assets/a.css": "/* url(https://elsewhere.org/no.png) */ a { background: url(a.png) }",
    }
    for name in ("a.js", "a.woff", "a.png"):
        files[f"assets/{name}"] = ""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_a_good_site_passes_and_is_counted(site, capsys):
    assert main([str(site), "--base", "/site/"]) == 0
    out = capsys.readouterr().out
    assert out == "3 pages, 1 notebooks, 9 files fetched, 15 links (2 to other hosts), 3 images, 0 problems\n"


@pytest.mark.parametrize("base", ["/site/", "site", "/site"])
def test_the_base_may_be_written_in_any_way(site, base):
    assert main([str(site), "--base", base]) == 0


def test_the_base_is_the_path_of_the_site_that_is_built(site, monkeypatch):
    monkeypatch.setenv("SITE_URL", "https://owner.github.io/site/")
    assert main([str(site)]) == 0
    monkeypatch.delenv("SITE_URL")
    assert main([str(site)]) == 1


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ('<a href="none/">', "index.html: none/ leads nowhere"),
        ('<a href="assets">', "index.html: assets leads nowhere"),
        ('<a href="two/#none">', "index.html: two/#none has no such anchor"),
        ('<a href="#none">', "index.html: #none has no such anchor"),
        ('<a href="lab.ipynb#none">', "index.html: lab.ipynb#none has no such anchor"),
        ('<a href="/two/">', "index.html: /two/ leads out of /site/"),
        ('<img src="none.png" alt="">', "index.html: none.png leads nowhere"),
        ('<img src="assets/a.png">', "index.html: the image assets/a.png has no alt text"),
        ('<script src="none.js"></script>', "index.html: none.js leads nowhere"),
        ('<meta http-equiv="refresh" content="0; url=none/">', "index.html: none/ leads nowhere"),
        ('<svg><use href="#none"/></svg>', "index.html: #none has no such anchor"),
        ('<img alt="" src="https://x.org/a.png">', "https://x.org/a.png is fetched from another host"),
        ('<img alt="" src="//x.org/a.png">', "//x.org/a.png is fetched from another host"),
        ('<img alt="" srcset="https://x.org/a.png 2x">', "https://x.org/a.png is fetched from another host"),
        ('<script src="https://x.org/a.js"></script>', "https://x.org/a.js is fetched from another host"),
        ('<link rel="stylesheet" href="https://x.org/a.css">', "https://x.org/a.css is fetched from another"),
        ('<link rel="preconnect" href="https://x.org">', "https://x.org is fetched from another host"),
        ('<iframe src="https://x.org"></iframe>', "https://x.org is fetched from another host"),
        ("<style>@import 'https://x.org/a.css';</style>", "https://x.org/a.css is fetched from another host"),
        ("<style>a { src: url(https://x.org/a.woff) }</style>", "https://x.org/a.woff is fetched from"),
        ('<p style="background: url(https://x.org/a.png)">', "https://x.org/a.png is fetched from another"),
        ('<object data="https://x.org/a.svg"></object>', "https://x.org/a.svg is fetched from another host"),
        ('<video poster="https://x.org/a.png"></video>', "https://x.org/a.png is fetched from another host"),
    ],
)
def test_a_mistake_on_a_page_is_named(site, capsys, html, message):
    (site / "index.html").write_text(GOOD + html)
    assert main([str(site), "--base", "/site/"]) == 1
    out = capsys.readouterr().out
    assert message in out
    assert out.endswith(" 1 problems\n")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("assets/a.css", "a { background: url(none.png) }", "assets/a.css: none.png leads nowhere"),
        (
            "assets/a.css",
            "a { src: url('https://x.org/a.woff') }",
            "assets/a.css: https://x.org/a.woff is fetched",
        ),
        (
            "assets/a.svg",
            '<svg><image href="https://x.org/a.png"/></svg>',
            "assets/a.svg: https://x.org/a.png is",
        ),
        ("404.html", '<a href="/site/none/">x</a>', "404.html: /site/none/ leads nowhere"),
    ],
)
def test_style_sheets_drawings_and_the_error_page_are_checked(site, capsys, name, text, message):
    (site / name).write_text(text)
    assert main([str(site), "--base", "/site/"]) == 1
    assert message in capsys.readouterr().out


def test_an_empty_folder_is_no_site(tmp_path):
    assert main([str(tmp_path)]) == 1


# Notebooks


def notebook(*cells):
    return json.dumps({"cells": [{"cell_type": "markdown", "source": [cell]} for cell in cells]})


@pytest.fixture
def repository(site):
    """A site with a notebook, and docs/ with the same one; what it leads to is in both."""
    good = notebook(
        "# A Heading\n\n[page](../two.md), [its section](../two.md#a-section), [here](#A-Heading)",
        "| a |\n|---|\n| [in a table](../two.md) |\n\n![A drawing](../assets/a.png)\n\n`[code](none.md)`",
        '<details><summary>Folded</summary>\n\n[in it](../two.md)\n\n</details>\n<a href="https://x.org">out</a>',
    )
    docs = site.parent / "docs"
    for root in (site, docs):
        for name, text in {
            "notebooks/one.ipynb": good,
            "two.md": "## A section\n",
            "assets/a.png": "",
        }.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
    (docs.parent / "README.md").write_text("")
    return site, docs


def check(repository):
    site, docs = repository
    return main([str(site), "--base", "/site/", "--docs", str(docs)])


def test_the_links_of_a_good_notebook_pass_on_the_site_and_in_the_repository(repository, capsys):
    assert check(repository) == 0, capsys.readouterr().out
    assert "3 pages, 2 notebooks, 10 files fetched, 21 links (3 to other hosts)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("[a](../none.md)", "../none.md leads nowhere"),
        ("[a](../two.md#none)", "../two.md#none has no such anchor"),
        ("[a](#none)", "#none has no such anchor"),
        ("| a |\n|---|\n| [a](../none.md) |", "../none.md leads nowhere"),
        ("<details>\n\n[a](../none.md)\n\n</details>", "../none.md leads nowhere"),
        ("![A](../none.png)", "../none.png leads nowhere"),
        ("![A](https://x.org/a.png)", "https://x.org/a.png is fetched from another host"),
        ('<img src="../assets/a.png">', "the image ../assets/a.png has no alt text"),
    ],
)
@pytest.mark.parametrize("where", ["site", "repository"])
def test_a_mistake_in_a_notebook_is_named_with_the_place_where_it_is_one(
    repository, capsys, where, cell, message
):
    root = repository[where == "repository"]
    (root / "notebooks/one.ipynb").write_text(notebook(cell))
    assert check(repository) == 1
    out = capsys.readouterr().out
    assert out.endswith(" 1 problems\n")
    named = {
        "site": f"notebooks/one.ipynb: {message}\n",
        "repository": f"docs/notebooks/one.ipynb: {message} in the",
    }
    assert out.startswith(named[where])


def test_what_is_only_in_the_repository_is_a_mistake_on_the_site(repository, capsys):
    for root in repository:
        (root / "notebooks/one.ipynb").write_text(notebook("[a](../../README.md)"))
    assert check(repository) == 1
    assert capsys.readouterr().out.startswith("notebooks/one.ipynb: ../../README.md leads out of /site/\n")


def test_anchors_of_markdown_are_those_of_github():
    text = (
        "# A *b* `c_d`\n\n## Same\n\n## Same\n\n```python\n# no heading\n```\n\n## At -1: [x](y.md), why?\n"
    )
    assert github_anchors(text) == {"a-b-c_d", "same", "same-1", "at--1-x-why"}
