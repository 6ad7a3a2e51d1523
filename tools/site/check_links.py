"""Check the links of a built site: `python -m tools.site.check_links SITE [--base /prefix/] [--docs docs]`.

Each internal link, image, script and anchor must lead somewhere, an image must have alt text, and opening a
page must fetch nothing from another host. A link that a reader may click leads wherever it likes.

Notebooks count, with what stands in their cells of Markdown. They are opened from the site and from the
repository, so with `--docs` those below it are checked in the place that they have there, too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from markdown_it import MarkdownIt

from tools.reference.anchors import github_anchors

# Attributes with an address that a browser opens by itself.
FETCHED = {
    "img": ("src", "srcset"),
    "script": ("src",),
    "iframe": ("src",),
    "embed": ("src",),
    "object": ("data",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "video": ("src", "poster"),
    "audio": ("src",),
    "input": ("src",),
    "image": ("href", "xlink:href"),
    "use": ("href", "xlink:href"),
}
# Kinds of <link> that are mere statements; a browser opens every other one.
NOT_FETCHED_LINKS = {"canonical", "alternate", "next", "prev", "edit", "author", "license", "help", "search"}
IN_CSS = re.compile(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)")
MARKDOWN = MarkdownIt("commonmark").enable("table")
HEADING = re.compile(r"<h[1-6]>(?P<text>.*?)(?=</h[1-6]>)", re.S)
TAG = re.compile(r"<[^>]+>")
COMMENT_IN_CSS = re.compile(r"/\*.*?\*/", re.S)


@dataclass
class LinkedPage(HTMLParser):
    """What a page refers to: addresses it fetches, addresses a reader may follow, and its anchors."""

    text: str
    fetched: list[str] = field(default_factory=list)
    followed: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    images: int = 0
    without_alt: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.in_style = False
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        self.in_style = tag == "style"
        self.fetched += in_css(values.get("style", ""))
        for name in FETCHED.get(tag, ()):
            if name == "srcset":
                self.fetched += [part.split()[0] for part in values.get(name, "").split(",") if part.strip()]
            elif name in values:
                self.fetched.append(values[name])
        if tag == "link" and "href" in values:
            kinds = set(values.get("rel", "").lower().split())
            (self.followed if kinds and kinds <= NOT_FETCHED_LINKS else self.fetched).append(values["href"])
        elif tag in ("a", "area") and ("href" in values or "xlink:href" in values):
            self.followed.append(values.get("href") or values.get("xlink:href", ""))
        elif tag == "meta" and values.get("http-equiv", "").lower() == "refresh":
            self.followed += re.findall(r"url=['\"]?([^'\"]+)", values.get("content", ""), re.I)
        if tag == "img":
            self.images += 1
            if "alt" not in values:
                self.without_alt.append(values.get("src", "?"))

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.fetched += in_css(data)

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False


def in_css(text: str) -> list[str]:
    """The addresses that a style sheet opens."""
    return [one or other for one, other in IN_CSS.findall(COMMENT_IN_CSS.sub("", text))]


@dataclass
class Site:
    """A built site, served under `base`."""

    root: Path
    base: str
    documents: dict[Path, LinkedPage]
    styles: dict[Path, list[str]]

    def target(self, path: Path, reference: str) -> tuple[Path | None, str]:
        """The file that a reference in the file `path` leads to, None outside the site, and the anchor."""
        here = "http://site" + self.base + path.relative_to(self.root).as_posix()
        to = urlsplit(urljoin(here, reference))
        if not to.path.startswith(self.base):
            return None, to.fragment
        file = self.root / unquote(to.path).removeprefix(self.base)
        return (file / "index.html" if file.is_dir() else file), unquote(to.fragment)

    def wrong(self, path: Path, reference: str, *, fetched: bool) -> str | None:
        """What is wrong with a reference, or None."""
        parts = urlsplit(reference)
        if parts.scheme in ("http", "https") or (reference.startswith("//")):
            return "is fetched from another host" if fetched else None
        if parts.scheme:  # data:, mailto:, javascript:
            return None
        file, anchor = self.target(path, reference)
        if file is None:
            return f"leads out of {self.base}"
        if not file.is_file():
            return "leads nowhere"
        # Material makes the anchors that begin with two underscores as a reader goes along.
        if anchor and not anchor.startswith("__") and anchor not in self.anchors(file):
            return "has no such anchor"
        return None

    def anchors(self, file: Path) -> set[str]:
        if file in self.documents:
            return self.documents[file].anchors
        return github_anchors(file.read_text(encoding="utf-8")) if file.suffix == ".md" else set()

    def problems(self) -> Iterator[str]:
        """All that is wrong, one line each."""
        for path, document in self.documents.items():
            name = path.relative_to(self.root).as_posix()
            for fetched, references in ((True, document.fetched), (False, document.followed)):
                for reference in dict.fromkeys(references):
                    if message := self.wrong(path, reference, fetched=fetched):
                        yield f"{name}: {reference} {message}"
            for source in document.without_alt:
                yield f"{name}: the image {source} has no alt text"
        for path, references in self.styles.items():
            for reference in dict.fromkeys(references):
                if message := self.wrong(path, reference, fetched=True):
                    yield f"{path.relative_to(self.root).as_posix()}: {reference} {message}"


def notebook_html(text: str) -> str:
    """A notebook's cells of Markdown as HTML, with the anchors that Jupyter gives to headings."""
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "markdown"]
    rendered = [MARKDOWN.render("".join(cell["source"])) for cell in cells]
    return HEADING.sub(
        lambda match: f'{match[0]}<a id="{TAG.sub("", match["text"]).strip().replace(" ", "-")}"></a>',
        "\n".join(rendered),
    )


def document(path: Path) -> LinkedPage:
    """What a page, a drawing or a notebook refers to."""
    text = path.read_text(encoding="utf-8")
    return LinkedPage(notebook_html(text) if path.suffix == ".ipynb" else text)


def read_repository(docs: Path) -> Site:
    """Read the notebooks below docs/ in the place that they have in the repository."""
    docs = docs.resolve()
    # Jupyter keeps copies in a hidden folder.
    found = [path for path in sorted(docs.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
    return Site(docs.parent, "/", {path: document(path) for path in found}, {})


def read_site(root: Path, base: str = "/") -> Site:
    """Read the pages, notebooks, drawings and style sheets below `root`."""
    found = sorted(path for path in root.rglob("*") if path.suffix in (".html", ".svg", ".ipynb"))
    documents = {path: document(path) for path in found}
    styles = {path: in_css(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.css"))}
    return Site(root, f"/{base.strip('/')}/".replace("//", "/"), documents, styles)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", type=Path)
    served = urlsplit(os.environ.get("SITE_URL", "")).path or "/"
    parser.add_argument(
        "--base", default=served, help="the path under which the site is served: that of $SITE_URL"
    )
    parser.add_argument("--docs", type=Path, help="check the notebooks below it in the repository, too")
    options = parser.parse_args(arguments)
    site = read_site(options.site.resolve(), options.base)
    pages = [path for path in site.documents if path.suffix == ".html"]
    notebooks = [path for path in site.documents if path.suffix == ".ipynb"]
    if not pages:
        print(f"no pages in {options.site}")
        return 1
    problems = list(site.problems())
    if options.docs:
        problems += [f"{problem} in the repository" for problem in read_repository(options.docs).problems()]
    for problem in problems:
        print(problem)
    documents = site.documents.values()
    outside = [
        to for document in documents for to in document.followed if urlsplit(to).scheme in ("http", "https")
    ]
    print(
        f"{len(pages)} pages, {len(notebooks)} notebooks, "
        f"{sum(len(document.fetched) for document in documents)} files fetched, "
        f"{sum(len(document.followed) for document in documents)} links ({len(outside)} to other hosts), "
        f"{sum(document.images for document in documents)} images, {len(problems)} problems"
    )
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
