"""Let the search find what is in a lab, section by section, as in the other pages.

The theme reads a notebook as one section with JupyterLab's boxes in it: a hit in the last section leads to
the top of the page and shows `In [ ]: Copied!`.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup, Tag

HEADING = re.compile(r"h[1-3]")
SPAN = re.compile(r"</?span[^>]*>")


def with_labs(index: str, pages: Mapping[str, str]) -> str:
    """The index of the search with what the pages of labs say now.

    Args:
        index: the text of search_index.json.
        pages: the address of each lab below the site, with a slash at its end, and its finished HTML.
    """
    found = json.loads(index)
    others = [entry for entry in found["docs"] if entry["location"].partition("#")[0] not in pages]
    labs = [entry for location, page in pages.items() for entry in _entries(location, page)]
    return json.dumps({**found, "docs": others + labs}, separators=(",", ":"), ensure_ascii=False)


def _entries(location: str, page: str) -> Iterator[dict[str, str]]:
    plain = SPAN.sub(
        "", page[page.index("<article") : page.index("</article>")]
    )  # of the code: most of the page
    article = BeautifulSoup(plain, "html.parser").find("article")
    assert isinstance(article, Tag)
    entry: dict[str, str] = {}
    for part in article.find_all(recursive=False):
        if HEADING.fullmatch(part.name):
            if entry:
                yield entry
            for link in part.select(".headerlink"):
                link.decompose()
            anchor = "" if part.name == "h1" else f"#{part['id']}"
            entry = {"location": location + anchor, "title": part.get_text(), "text": ""}
        elif entry and "run-it" not in (part.get("class") or []):
            text = html.escape(part.get_text().strip("\n"), quote=False)
            entry["text"] += f"<pre><code>{text}</code></pre> " if part.find("pre") else f"<p>{text}</p> "
    if entry:
        yield entry
