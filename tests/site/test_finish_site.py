"""What is added to a built site: Markdown, llms.txt, links to the source; and the page of the changelog."""

import re
import shutil
from pathlib import Path

import pytest

from tests import ROOT
from tools.reference import root_pages
from tools.site import finish_site
from tools.site.check_links import read_site

CONFIG = """\
site_name: Small
site_description: A small site.
site_url: !ENV [SITE_URL, ""]
repo_url: !ENV [REPO_URL, ""]
nav:
  - Home: index.md
  - Chapters:
      - chapters/1-one.md
      - More:
          - Two: chapters/2-two.md
          - Lab: labs/lab.ipynb
"""
HOME = "---\ndescription: The home.\n---\n\n# Home\n\n<!--pytest.mark.cpu-->\n\n[one](chapters/1-one.md#it)\n"
ONE = (
    "---\ndescription: 'Of one: this.'\n---\n\n# `One` and more\n\n<!-- a comment -->\n"
    "```html\n<!-- code -->\n```\n\n[home](../index.md) ![x](x.png)\n"
)
LAB = "---\ndescription: The lab.\n---\n\n# A lab\n"
HTML = '<html><head></head><body><h1>One</h1><p id="it"></p></body></html>'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project with a built site, as MkDocs makes it."""
    for name in ("SITE_URL", "REPO_URL", "REPO_REF", "SITE_TREE"):
        monkeypatch.delenv(name, raising=False)
    files = {
        "mkdocs.yml": CONFIG,
        "docs/index.md": HOME,
        "docs/chapters/1-one.md": ONE,
        "docs/chapters/2-two.md": ONE,
        "docs/labs/lab.md": LAB,
        "docs/_hidden.md": "# Not on the site\n",
        "site/index.html": HTML,
        "site/chapters/1-one/index.html": HTML,
        "site/chapters/2-two/index.html": HTML,
        "site/chapters/x.png": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def finish(project: Path) -> int:
    return finish_site.main([str(project / "site"), "--docs", str(project / "docs")])


def test_each_page_has_its_markdown_beside_it_without_front_matter_and_comments(project: Path) -> None:
    assert finish(project) == 0
    assert (project / "site/index.md").read_text() == "# Home\n\n[one](chapters/1-one.md#it)\n"
    one = (project / "site/chapters/1-one.md").read_text()
    assert one.startswith("# `One` and more\n\n```html\n<!-- code -->\n")
    assert not (project / "site/_hidden.md").exists()


def test_a_page_says_where_its_markdown_is_once_however_often_it_is_finished(project: Path) -> None:
    assert finish(project) == finish(project) == 0
    one = (project / "site/chapters/1-one/index.html").read_text()
    assert one.count('<link rel="alternate" type="text/markdown" href="../1-one.md">') == 1
    assert 'href="index.md">' in (project / "site/index.html").read_text()
    assert list(read_site(project / "site").problems()) == []


def test_the_theme_does_not_take_the_markdown_for_a_site_in_another_language(project: Path) -> None:
    assert finish(project) == 0
    one = (project / "site/chapters/1-one/index.html").read_text()
    assert re.search(r'<noscript><link rel="alternate"[^>]*></noscript></head>', one)


def test_llms_txt_lists_the_navigation_with_descriptions(project: Path) -> None:
    assert finish(project) == 0
    assert (project / "site/llms.txt").read_text() == (
        "# Small\n\n> A small site.\n\n## Start\n\n- [Home](index.md): The home.\n\n## Chapters\n\n"
        "- [One and more](chapters/1-one.md): Of one: this.\n"
        "- [One and more](chapters/2-two.md): Of one: this.\n"
        "- [A lab](labs/lab.md): The lab.\n"
    )


def test_addresses_are_whole_where_the_address_of_the_site_is_known(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITE_URL", "https://example.org/small")
    assert finish(project) == 0
    assert "](https://example.org/small/chapters/1-one.md)" in (project / "site/llms.txt").read_text()


def test_a_notebook_of_the_navigation_without_the_page_it_is_made_from_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "docs/labs/lab.md").unlink()
    assert finish(project) == 1
    assert "docs/labs/lab.md is not there" in capsys.readouterr().err


def test_the_markdown_of_the_reference_has_what_the_source_says(project: Path) -> None:
    (project / "docs/chapters/1-one.md").write_text(f"{ONE}\n::: tutorial_lib.add_hooks\n")
    assert finish(project) == 0
    text = (project / "site/chapters/1-one.md").read_text()
    assert "def add_hooks(\n    module_forward_pre_hooks: Iterable[HookPair] = ()," in text
    assert "\n    Raises:\n" in text


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("", "docs/chapters/1-one.md has no description"),
        ("---\ntitle: One\n---\n", "docs/chapters/1-one.md has no description"),
        ("---\ndescription: one: two\n---\n", "1-one.md: the front matter is no YAML"),
    ],
)
def test_a_page_without_a_description_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str], front: str, message: str
) -> None:
    (project / "docs/chapters/1-one.md").write_text(f"{front}# One\n")
    assert finish(project) == 1
    assert message in capsys.readouterr().err


def test_a_folder_that_is_no_built_site_is_an_error(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree(project / "site")
    (project / "site").mkdir()
    assert finish(project) == 1
    assert "build the site first" in capsys.readouterr().err


def test_every_page_of_this_site_can_be_listed() -> None:
    found = finish_site.entries(finish_site.read_config(ROOT / "mkdocs.yml"), ROOT / "docs")
    assert "reference/api/hooks.md" in [entry.path for entry in found]
    assert all(entry.title and len(entry.description) > 20 for entry in found)


def test_the_links_of_this_sites_markdown_lead_to_files_of_the_site() -> None:
    """The copies stand where the pages stand, so what they link to is there under the same name."""

    docs = ROOT / "docs"
    for page in docs.rglob("*.md"):
        body = finish_site.plain(finish_site.split(page)[1])
        prose = re.sub(r"^```.*?^```", "", body, flags=re.DOTALL | re.MULTILINE)
        prose = re.sub(r"`[^`\n]*`", "", prose)
        for target in re.findall(r"\]\(([^)\s#]+)(?:#[^)\s]*)?\)", prose):
            assert re.match(r"\w+:", target) or (page.parent / target).exists(), f"{page}: {target}"


def test_the_pages_of_the_changelog_and_of_contributing_are_current(
    capsys: pytest.CaptureFixture[str],
) -> None:
    stale = root_pages.main(["--check"])
    assert not stale, capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "page", "link"),
    [
        ("CHANGELOG.md", "changelog.md", "index.md"),
        ("CONTRIBUTING.md", "contributing/index.md", "../index.md"),
    ],
)
def test_the_page_of_a_file_is_stale_when_the_file_changes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, page: str, link: str
) -> None:
    for name, (copy, _) in root_pages.PAGES.items():
        (tmp_path / "docs" / copy).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path)
        shutil.copy(ROOT / "docs" / copy, tmp_path / "docs" / copy)
    assert root_pages.main(["--check", "--docs", str(tmp_path / "docs")]) == 0
    with (tmp_path / source).open("a", encoding="utf-8") as file:
        file.write("- More: [here](docs/index.md), [there](LICENSE).\n")
    assert root_pages.main(["--check", "--docs", str(tmp_path / "docs")]) == 1
    assert f"stale: docs/{page}\n" in capsys.readouterr().out
    assert root_pages.main(["--docs", str(tmp_path / "docs")]) == 0
    assert (tmp_path / "docs" / page).read_text().endswith(f"- More: [here]({link}), there.\n")


def test_code_loses_the_spans_that_style_nothing_and_keeps_its_text(project: Path) -> None:
    page = project / "site/index.html"
    code = '<code><span class="n">x</span><span class="w"> </span><span class="o">=</span> 1</code>'
    page.write_text(HTML.replace("</body>", f"{code}</body>"))
    assert finish(project) == 0
    assert '<code>x <span class="o">=</span> 1</code>' in page.read_text()


def test_the_theme_shows_names_in_code_as_the_text_around_them() -> None:
    material = pytest.importorskip("material", reason="the theme is not installed")
    styles = next(Path(material.__file__).parent.glob("templates/assets/stylesheets/main.*.min.css"))
    assert "--md-code-hl-name-color:var(--md-code-fg-color)" in styles.read_text()
    assert "name-color" not in (ROOT / "docs/assets/extra.css").read_text()
