"""Write the list of messages on the page of errors.

    python -m tools.reference.errors_page [--check] [--docs docs]

The messages come from the source of the library, so that a reader who pastes one into the search box lands
there. What to do about the likely ones is written by hand, above the list, under headings like
"### `words of it`"; a heading whose words are in no message any more is an error. Messages of PyTorch stand
in a section of their own, whose blocks bring them about: there the words must be in what a block printed.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from tools import ROOT
from tools.pages.scan import scan
from tools.reference.anchors import anchor_of
from tools.reference.api_docstrings import SECTION
from tools.reference.api_pages import TITLE, find, pages
from tools.reference.generated import between, bring_up_to_date, parser
from tools.reference.messages import Message, collect, says

LIBRARY = ROOT / "tutorial_lib"
# Said to the makers of an exercise, of the atlas or of the model in the box, or from one process to another.
LEFT_OUT = re.compile(
    r"tiny_random/|tiny_model/|sandbox/|exercises/(\d|(catalog|checking|mistakes)\.py)|workspace/filling\.py"
    r"|checker/(judging|observing|answer_file)\.py"
)
# The topic of a room, or of a file without a public name. All others are on the page of their names.
BELONGS = {
    "architecture": "maps",
    "arguments": "reading",
    "checker": "cli",
    "collect": "collecting",
    "commands": "cli",
    "course": "courses",
    "exercises": "cli",
    "interventions": "editing",
    "tokens": "positions",
    "verify": "maps",
    "workspace": "cli",
}
BEGIN, END = "<!-- The messages, by tools/reference/errors_page.py: -->", "<!-- The end of the messages. -->"
PYTORCH = "\n## PyTorch's own\n"
REMEDY = re.compile(r"^### (?P<ticks>``?) ?(?P<words>.+?) ?(?P=ticks)$", re.MULTILINE)


class ErrorsPageError(Exception):
    """The page is not as it should be; a line for each thing to mend."""


def library_messages() -> list[Message]:
    """The messages of the library that a reader can meet."""
    files = [
        p for p in sorted(LIBRARY.rglob("*.py")) if not LEFT_OUT.match(p.relative_to(LIBRARY).as_posix())
    ]
    return collect(files)[0]


def page_text(text: str, pages: dict[str, str]) -> str:
    """The page with a new list.

    Args:
        text: of the page as it is.
        pages: the text of each API page, by its name.

    Raises:
        ErrorsPageError: a heading whose message is gone, or is not printed by a block; no place for the list.
    """
    messages = library_messages()
    ours, _, pytorchs = text.partition(PYTORCH)
    remedies = _headings(ours)
    printed = "\n".join(fence.body for fence in scan(pytorchs).fences if fence.info.startswith("text"))
    gone = [words for words in remedies if not any(says(message.text, words) for message in messages)]
    gone += [words for words in _headings(pytorchs) if words not in printed]
    if gone:
        raise ErrorsPageError("\n".join(f"no message says `{words}`: mend the heading" for words in gone))
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ErrorsPageError(f"the page needs {BEGIN} and {END}")
    listed = "\n\n".join(_topics(messages, remedies, pages))
    return between(text, BEGIN, END, f"\n\n{listed}\n\n")


def _headings(text: str) -> list[str]:
    return [match["words"] for match in REMEDY.finditer(text)]


def _topics(messages: list[Message], remedies: list[str], pages: dict[str, str]) -> Iterator[str]:
    homes = _homes(pages)
    grouped: dict[str, list[Message]] = {}
    for message in messages:
        grouped.setdefault(_topic(message, homes), []).append(message)
    for topic in (*pages, "cli", "courses", ""):
        if topic not in grouped:
            continue
        if topic in pages:
            title = TITLE.search(pages[topic])
            head = f"### {title[1] if title else topic}\n\nNames: [{topic}](api/{topic}.md)."
        elif topic == "cli":
            head = "### The command and exercises\n\nCommands: [`hooking`](cli.md)."
        elif topic == "courses":
            head = "### Courses\n\nFor instructors: [plan, release and grade](../instructors/index.md)."
        else:
            head = "### Elsewhere in the library"
        lines = dict.fromkeys(_line(message, remedies) for message in grouped[topic])
        yield head + "\n\n" + "\n".join(lines)


def _homes(pages: dict[str, str]) -> dict[str, str]:
    """The page of each file that defines names of that page."""
    found: dict[str, str] = {}
    for page, text in pages.items():
        for _, name in SECTION.findall(text):
            found.setdefault(find(name).relative_package_filepath.as_posix(), page)
    return found


def _topic(message: Message, homes: dict[str, str]) -> str:
    path = Path(message.file).relative_to(LIBRARY.name)
    return BELONGS.get(path.parts[0].removesuffix(".py")) or homes.get(message.file, "")


def _line(message: Message, remedies: list[str]) -> str:
    ticks = "``" if "`" in message.text else "`"
    space = " " if ticks == "``" else ""
    line = f"- {message.kind}: {ticks}{space}{message.text}{space}{ticks}"
    words = next((words for words in remedies if says(message.text, words)), None)
    return line if words is None else f"{line} [What to do](#{anchor_of(words)})."


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    reference = options.docs.resolve() / "reference"
    path = reference / "errors.md"
    try:
        files = {
            path: page_text(path.read_text(encoding="utf-8"), dict(sorted(pages(reference / "api").items())))
        }
    except ErrorsPageError as error:
        print(error, file=sys.stderr)
        return 1
    return bring_up_to_date(files, (), options, tool="reference.errors_page")


if __name__ == "__main__":
    sys.exit(main())
