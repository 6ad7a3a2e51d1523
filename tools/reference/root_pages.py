"""Copy CHANGELOG.md and CONTRIBUTING.md, the only sources, to pages of the site.

python -m tools.reference.root_pages [--check] [--docs docs]
"""

from __future__ import annotations

import posixpath
import re
import sys

from tools.reference.generated import bring_up_to_date, parser

# Each file of the root: its page below docs/, and the description of the page.
PAGES = {
    "CHANGELOG.md": (
        "changelog.md",
        "What has changed from one release of the site and its library to the next.",
    ),
    "CONTRIBUTING.md": (
        "contributing/index.md",
        "How to change a page, an exercise, the library or the site, and what to run while you work.",
    ),
}
# A file of the site is reached from docs/, any other file of the repository has no address on it.
IN_DOCS = re.compile(r"\]\(docs/(?P<path>[^)#]+)")
ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?!https?:|docs/|#)[^)]*\)")


def page_text(source: str, text: str) -> str:
    """The page of a file: its text with links that lead somewhere from the site.

    Args:
        source: the name of the file.
        text: what is in it.
    """
    page, description = PAGES[source]
    title, _, rest = text.partition("\n")

    def below_docs(link: re.Match[str]) -> str:
        return f"]({posixpath.relpath(link['path'], posixpath.dirname(page) or '.')}"

    linked = IN_DOCS.sub(below_docs, ELSEWHERE.sub(r"\1", rest))
    made_from = f"<!-- Made from {source} by tools/reference/root_pages.py: edit there. -->"
    return f"---\ndescription: {description}\n---\n\n{title}\n\n{made_from}\n{linked}"


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    files = {
        docs / page: page_text(source, (docs.parent / source).read_text(encoding="utf-8"))
        for source, (page, _) in PAGES.items()
    }
    return bring_up_to_date(files, (), options, tool="reference.root_pages")


if __name__ == "__main__":
    sys.exit(main())
