"""What the theme leaves unnamed gets a name in the built page."""

from tools.site.accessible import accessible

DIALOG = '<div class="md-search" data-md-component="search" role="dialog">'
SECTION = """\
<nav class="md-nav" data-md-level="2" aria-labelledby="__nav_3_5_label" aria-expanded="true">
  <label class="md-nav__title" for="__nav_3_5">
    <span class="md-nav__icon md-icon"></span>
    5 "Examples" &amp; more
  </label>"""
TABLE = "<table><thead><tr><th></th><th>plain</th></tr></thead></table>"


def test_the_dialog_for_the_search_has_a_name() -> None:
    assert 'class="md-search" aria-label="Search" data-md' in accessible(DIALOG)


def test_a_list_of_the_navigation_has_the_name_of_its_section() -> None:
    named = accessible(SECTION)
    assert ' data-md-level="2" aria-label="5 &quot;Examples&quot; &amp; more" aria-expanded="true">' in named
    assert "labelledby" not in named


def test_the_empty_corner_of_a_table_is_no_heading() -> None:
    assert accessible(TABLE) == TABLE.replace("<th></th>", "<td></td>")
    assert accessible('<th style="text-align: right;"> </th>') == '<td style="text-align: right;"></td>'


def test_once_more_changes_nothing() -> None:
    once = accessible(DIALOG + SECTION + TABLE)
    assert accessible(once) == once
