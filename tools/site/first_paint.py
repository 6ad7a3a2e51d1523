"""Show a built page, and let it be used, before the theme's script has come.

That script makes each table anew, adds a meta element that has the whole page styled again, and switches
classes of the root: on a long page half a second of a phone's time. What can be done once is done here, in
the HTML; the rest waits until the page is read. It works on the built page, so after MkDocs, ProperDocs and
Zensical alike; `tools/site/finish_site.py` calls it. `make lighthouse` shows what it brings.
"""

from __future__ import annotations

import re
from pathlib import Path

# Names, white space, operators and punctuation in code look like the text around them: docs/assets/extra.css.
UNSTYLED = re.compile(r'<span class="(?:n|w|o|p)">([^<]*)</span>')
# The theme's script sets these classes on the root, and each change has the whole page styled anew.
ROOT_CLASS = re.compile(r'(<html[^>]* class=")no-js(">)(?!<script>)')
WITH_SCRIPTS = r"""\1no-js\2<script>document.documentElement.className="js js-focus-visible"</script>"""
PALETTE = re.compile(r'(<form[^>]*) data-md-component="palette"(>.*?</form>)', re.DOTALL)
SWITCH = f"<script>\n{Path(__file__).with_suffix('.js').read_text(encoding='utf-8')}</script>"
SCRIPT = re.compile(r'<script src="(?=[^"]*/bundle\.\w+\.min\.js")')
TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
# What the theme's script puts around a table. It passes over a table that has a class, as its styles do:
# `with_class` makes them take both.
FRAME = (
    '<div class="md-typeset__scrollwrap"><div class="md-typeset__table">'
    r'<table class="data">\1</table></div></div>'
)
PLAIN_TABLE = "table:not([class])"


def paint_first(html: str, *, tables: bool) -> str:
    """The page with less for the theme's script to do; once more changes nothing.

    - Code has no spans that style nothing: in chapter 2 they were half of all elements.
    - The root has its classes, if there are scripts, from the start.
    - The switch for the theme works with a script of its own, beside it: a reader whose system is dark sees a
      dark page at once, and follows the system until a choice is made.
    - The theme's script runs when the page is read.
    - Tables stand in their frames.

    Args:
        html: of a page.
        tables: whether the styles are for tables with a class, too: what `with_class` returned.
    """
    html = UNSTYLED.sub(r"\1", html).replace("<pre><span></span><code", "<pre><code")
    html = ROOT_CLASS.sub(WITH_SCRIPTS, html)
    html = PALETTE.sub(lambda match: f"{match[1]}{match[2]}{SWITCH}", html)
    html = SCRIPT.sub('<script defer src="', html)
    return TABLE.sub(FRAME, html) if tables else html


def with_class(site: Path) -> bool:
    """Have the styles of a site show a table of the class "data" as one without a class.

    Returns:
        Whether they do: not if the theme's styles for tables are others.
    """
    found = False
    for styles in sorted(site.rglob("*.css")):
        text = styles.read_text(encoding="utf-8")
        taken = text.replace(PLAIN_TABLE, "table:is(:not([class]),.data)")
        if taken != text:
            styles.write_text(taken, encoding="utf-8", newline="\n")
        found = found or (".data)" in taken and styles.name.startswith("main."))
    return found
