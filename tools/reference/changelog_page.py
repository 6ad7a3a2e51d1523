"""Write the site's page of the changelog: `python -m tools.reference.changelog_page [--check] [--docs docs]`.

CHANGELOG.md is the only source.
"""

from __future__ import annotations

import re
import sys

from tools.reference.generated import bring_up_to_date, parser

FRONT = (
    "---\ndescription: What has changed from one release of the site and its library to the next.\n---\n\n"
)
SOURCE = "<!-- Made from CHANGELOG.md by tools/reference/changelog_page.py: edit there. -->"
# A file of the site is reached from docs/, any other file of the repository has no address on it.
IN_DOCS = re.compile(r"\]\(docs/")
ELSEWHERE = re.compile(r"\[([^\]]+)\]\((?!https?:|docs/|#)[^)]*\)")


def page_text(changelog: str) -> str:
    """The page: the changelog with links that lead somewhere from the site."""
    title, _, rest = changelog.partition("\n")
    linked = IN_DOCS.sub("](", ELSEWHERE.sub(r"\1", rest))
    return f"{FRONT}{title}\n\n{SOURCE}\n{linked}"


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    docs = options.docs.resolve()
    text = page_text((docs.parent / "CHANGELOG.md").read_text(encoding="utf-8"))
    return bring_up_to_date({docs / "changelog.md": text}, (), options, tool="reference.changelog_page")


if __name__ == "__main__":
    sys.exit(main())
