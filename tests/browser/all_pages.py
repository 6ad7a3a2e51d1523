"""Go over pages in a real browser and note all that is wrong with them.

Each page is opened twice: wide in the light theme, with all rules of axe-core, and on a phone of 360 px in
the dark one, with the rules that theme and width bear on. What only a wide page shows in the dark, the parts
of the theme beside the text, is the same for all pages of a folder, and is judged on the first of each.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
ALL_RULES: tuple[str, ...] = ()
COLOURS = ("color-contrast", "link-in-text-block")
LAYOUT = (*COLOURS, "scrollable-region-focusable", "target-size")


@dataclass(frozen=True)
class Form:
    """How a page is looked at: in a theme, so many pixels wide, with these rules of axe-core."""

    theme: str
    width: int
    rules: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.theme}, {self.width} px"


WIDE = Form("light", 1280, ALL_RULES)
SWITCHED = Form("dark", 1280, COLOURS)
PHONE = Form("dark", 360, LAYOUT)


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        kind: console, request, host, width, image, alt, theme or axe.
        page: its address below that of the site.
        form: in which it was seen.
        text: what is wrong.
    """

    kind: str
    page: str
    form: Form
    text: str

    def __str__(self) -> str:
        return f"{self.page or '(home)'} [{self.form}] {self.text}"


def pages_of(site: Path) -> list[str]:
    """The address of each page of a built site, below its own; what a wrong address shows is one of them."""
    folders = sorted(file.parent.relative_to(site).as_posix() for file in site.rglob("index.html"))
    return ["" if folder == "." else f"{folder}/" for folder in folders] + ["404.html"]


def first_of_each_folder(pages: Sequence[str]) -> Collection[str]:
    """Where the parts of the theme beside the text are judged: they are the same on all pages of a folder."""
    return {page.split("/")[0]: page for page in reversed(pages)}.values()


def sweep(
    browser: Any, address: str, pages: Sequence[str], progress: Callable[[str], None] = print
) -> list[Finding]:
    """All that is wrong with these pages of the site at `address`."""
    found: list[Finding] = []
    of_each_folder = first_of_each_folder(pages)
    for form in (WIDE, PHONE):
        context = browser.new_context(
            color_scheme=form.theme, reduced_motion="reduce", viewport={"width": form.width, "height": 800}
        )
        context.set_default_timeout(120_000)
        for script in ("axe-core/axe.min.js", "all_pages.js"):
            context.add_init_script(path=HERE / script)
        tab = context.new_page()
        heard = listen(tab, address)
        for count, page in enumerate(pages):
            if count % 10 == 0:
                progress(f"{form}: {count} of {len(pages)} pages, {len(found)} findings")
            heard.clear()
            tab.goto(address + page)
            found += [Finding(kind, page, form, text) for kind, text in look(tab, form)]
            if form == WIDE and page in of_each_folder:
                tab.evaluate("sweep.switchTheme()")
                tab.wait_for_function(f"sweep.theme() === '{SWITCHED.theme}'")
                found += [Finding(kind, page, SWITCHED, text) for kind, text in look(tab, SWITCHED)]
            found += [Finding(kind, page, form, text) for kind, text in heard]
        context.close()
    return found


def listen(tab: Any, address: str) -> list[tuple[str, str]]:
    """A list that grows by what a tab complains of and by what it asks of other hosts."""
    heard: list[tuple[str, str]] = []

    def on_console(message: Any) -> None:
        if message.type in ("error", "warning"):
            heard.append(("console", f"{message.type}: {message.text}"))

    def on_request(request: Any) -> None:
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(address):
            heard.append(("host", request.url))

    def on_response(response: Any) -> None:
        if response.status >= 400:
            heard.append(("request", f"{response.url}: {response.status}"))

    def on_failure(request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the next page was opened while it ran
            heard.append(("request", f"{request.url}: {request.failure}"))

    tab.on("console", on_console)
    tab.on("pageerror", lambda error: heard.append(("console", str(error))))
    tab.on("request", on_request)
    tab.on("response", on_response)
    tab.on("requestfailed", on_failure)
    return heard


def look(tab: Any, form: Form) -> Iterator[tuple[str, str]]:
    """What is wrong with the page in a tab as it stands: kind and text."""
    seen = tab.evaluate("sweep.look()")
    if seen["theme"] != form.theme:
        yield "theme", f"is {seen['theme']}"
    if seen["wider"] > 0:
        yield "width", f"scrolls by {seen['wider']} px"
    yield from (("width", f"cannot be seen whole: {element}") for element in seen["cut"])
    yield from (("image", f"{source} does not load") for source in seen["broken"])
    yield from (("alt", f"{source} has no alt text") for source in seen["silent"])
    tab.evaluate("sweep.oneTokenOfAKind()")
    for rule, target, summary in tab.evaluate("(rules) => sweep.axe(rules)", list(form.rules)):
        yield "axe", f"{rule} {target}: {' '.join(summary.split())}"
