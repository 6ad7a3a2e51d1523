"""A page is shown, and can be used, before the script of the theme has come."""

from pathlib import Path

import pytest

from tests import ROOT
from tools.site.first_paint import SWITCH, paint_first, with_class

HTML = """<!doctype html>
<html lang="en" class="no-js">
<head><script>first()</script></head>
<body>
<form class="md-header__option" data-md-component="palette">
<input type="radio"><label>Dark</label>
</form>
<script>second()</script>
<table>
<tr><td>1</td></tr>
</table>
<table class="explorer-grid"></table>
<pre><span></span><code><span class="n">x</span><span class="w"> </span><span class="o">=</span> \
<span class="mi">1</span>
<span class="n">f</span><span class="p">()</span> <span class="ow">and</span> &lt;table&gt;</code></pre>
<script src="../assets/javascripts/bundle.a5f9d56c.min.js"></script>
<script src="../assets/extra.js" type="module"></script>
</body></html>"""


@pytest.fixture
def painted() -> str:
    return paint_first(HTML, tables=True)


def test_code_loses_the_spans_that_style_nothing_and_keeps_its_text(painted: str) -> None:
    code = (
        '<pre><code>x = <span class="mi">1</span>\nf() <span class="ow">and</span> &lt;table&gt;</code></pre>'
    )
    assert code in painted


def test_the_root_gets_its_classes_from_the_first_script_and_none_without_scripts(painted: str) -> None:
    script = '<script>document.documentElement.className="js js-focus-visible"</script>'
    assert f'<html lang="en" class="no-js">{script}\n<head>' in painted


def test_the_switch_for_the_theme_has_its_script_beside_it(painted: str) -> None:
    assert 'palette"' not in painted.split("<script>\n//")[0]
    assert f"</form>{SWITCH}\n<script>second()</script>" in painted


def test_the_script_of_the_theme_waits_until_the_page_is_read(painted: str) -> None:
    assert '<script defer src="../assets/javascripts/bundle.a5f9d56c.min.js">' in painted
    assert painted.count("defer") == 1


def test_a_table_stands_in_its_frame(painted: str) -> None:
    frame = '<div class="md-typeset__scrollwrap"><div class="md-typeset__table"><table class="data">'
    assert f'{frame}\n<tr><td>1</td></tr>\n</table></div></div>\n<table class="explorer-grid">' in painted
    assert "<table>\n<tr>" in paint_first(HTML, tables=False)


def test_once_more_changes_nothing(painted: str) -> None:
    assert paint_first(painted, tables=True) == painted


def test_the_styles_for_tables_are_those_of_the_theme_and_of_the_site(tmp_path: Path) -> None:
    theme, own = tmp_path / "stylesheets/main.57a0.min.css", tmp_path / "extra.css"
    theme.parent.mkdir()
    theme.write_text(".md-typeset table:not([class]) th{margin:0}")
    own.write_text(".md-typeset table:not([class]) code { margin: 0 }")
    for _ in range(2):  # once more changes nothing
        assert with_class(tmp_path)
        assert theme.read_text() == ".md-typeset table:is(:not([class]),.data) th{margin:0}"
        assert own.read_text() == ".md-typeset table:is(:not([class]),.data) code { margin: 0 }"
    theme.write_text("table.plain{margin:0}")
    assert not with_class(tmp_path)


def test_the_theme_shows_names_in_code_as_the_text_around_them() -> None:
    material = pytest.importorskip("material", reason="the theme is not installed")
    styles = next(
        Path(material.__file__).parent.glob("templates/assets/stylesheets/main.*.min.css")
    ).read_text()
    assert "--md-code-hl-name-color:var(--md-code-fg-color)" in styles
    assert "name-color" not in (ROOT / "docs/assets/extra.css").read_text()
