"""Mend what the theme leaves unnamed in the HTML of a page, for those who use a screen reader.

It works on the built page, so after MkDocs, ProperDocs and Zensical alike; `finish_site.py` calls it.
What the theme's script makes as a reader goes along is mended in `docs/assets/extra.js`.
"""

from __future__ import annotations

import re

SEARCH = re.compile(r'<div class="md-search"(?![^>]*aria-label)')
# The list below a section with a page of its own: the theme names it after a label that holds an icon only.
SECTION = re.compile(
    r'(?P<start><nav class="md-nav"[^>]*?) aria-labelledby="(?P<id>\w+)"(?P<rest>[^>]*>\s*'
    r'<label class="md-nav__title"[^>]*>\s*<span class="md-nav__icon md-icon"></span>\s*)(?P<title>[^<]+)'
)
EMPTY_HEADER = re.compile(r"<th(?P<attributes>(?: [^>]*)?)>\s*</th>")


def accessible(html: str) -> str:
    """The page with names where they are missing; once more changes nothing.

    - The dialog for the search gets a name.
    - The lists of the navigation get the names of their sections.
    - The empty corner of a table is a cell, and no heading.
    """

    def named(match: re.Match[str]) -> str:
        title = " ".join(match["title"].split()).replace('"', "&quot;")
        return f'{match["start"]} aria-label="{title}"{match["rest"]}{match["title"]}'

    html = SEARCH.sub('<div class="md-search" aria-label="Search"', html)
    html = SECTION.sub(named, html)
    return EMPTY_HEADER.sub(r"<td\g<attributes>></td>", html)
