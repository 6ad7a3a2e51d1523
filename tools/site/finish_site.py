"""Add to a built site what MkDocs does not make: `python -m tools.site.finish_site SITE [--docs docs]`.

- Beside each page its Markdown, at the address of the page with `.md` in the place of the last slash, and a
  link to it in the head of the page. `reference/cli/` is `reference/cli.md`, so links between them hold.
- Under the title of each page that has a notebook, how to run it; and the notebooks: tools/site/run_it.py.
- The pages of the labs, and what the search says of them, as for the other pages: tools/site/lab_pages.py,
  tools/site/lab_search.py.
- `llms.txt` (https://llmstxt.org): the titles, addresses and descriptions of all pages of the navigation.

What is done to a page is a list of functions, `STEPS`. It needs no plugin, so it works after MkDocs,
ProperDocs and Zensical alike.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tools import ROOT
from tools.notebooks.notebooks import sources
from tools.pages.scan import scan
from tools.reference.api_pages import with_source
from tools.site.lab_pages import LABS, LabError, lab_page
from tools.site.lab_search import with_labs
from tools.site.run_it import Published, block, for_readers, published, with_block

HOME = Path("index.md")  # has a notebook, but its first screen has the doors instead
START = "Start"  # the group of the pages that stand in no group
PLAIN_TOKEN = re.compile(r'<span class="[nw]">([^<]*)</span>')
COMMENT = re.compile(r"\s*<!--.*?-->\s*")


class FinishError(Exception):
    """The site cannot be finished; a line for each thing to mend."""


@dataclass(frozen=True)
class Entry:
    """A page of the navigation.

    Attributes:
        group: that it stands in, in llms.txt.
        title: of the page, else its name in the navigation.
        path: below docs/.
        description: from its front matter.
    """

    group: str
    title: str
    path: str
    description: str


@dataclass(frozen=True)
class BuiltPage:
    """A built page.

    Attributes:
        site: the folder of the site.
        source: the file of its Markdown.
        path: of the same below docs/; its Markdown has the same path below the site.
        built: the file of the page.
        markdown: what its Markdown says.
        notebook: the path of its notebook below docs/, and below the site.
        where: the addresses of the repository and the site.
        html: of the page, as far as it is done.
    """

    site: Path
    source: Path
    path: Path
    built: Path
    markdown: str
    notebook: Path | None
    where: Published
    html: str

    @property
    def is_lab(self) -> bool:
        """Whether it shows a notebook, which mkdocs-jupyter made a page of."""
        return self.path.parts[0] == LABS

    def link(self, to: Path) -> str:
        """The address of a file of the site, from the page."""
        return Path(os.path.relpath(self.site / to, self.built.parent)).as_posix()


def read_config(path: Path) -> dict[str, Any]:
    """mkdocs.yml, with `!ENV [NAME, default]` as MkDocs reads it."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        pass

    def from_environment(loader: Any, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return os.environ.get(loader.construct_scalar(node))
        *names, default = loader.construct_sequence(node)
        return next((os.environ[name] for name in names if name in os.environ), default)

    Loader.add_constructor("!ENV", from_environment)
    loaded = yaml.load(path.read_text(encoding="utf-8"), Loader)
    assert isinstance(loaded, dict)
    return loaded


def entries(config: dict[str, Any], docs: Path) -> list[Entry]:
    """The pages of the navigation, in its order.

    Raises:
        FinishError: a page without a description or a title.
    """

    def walk(nav: list[Any], group: str) -> Iterator[tuple[str, str, str]]:
        for item in nav:
            name, value = next(iter(item.items())) if isinstance(item, dict) else ("", item)
            if isinstance(value, list):
                yield from walk(value, group if group != START else name)
            elif value.endswith((".md", ".ipynb")):
                yield group, name, value.replace(".ipynb", ".md")  # beside a lab's notebook lies its source

    found, problems = [], []
    for group, name, path in walk(config["nav"], START):
        if not (docs / path).is_file():
            problems.append(f"docs/{path} is not there, from which the notebook of the navigation is made")
            continue
        front, body = split(docs / path)
        title = re.search(r"^# (.+)$", body, re.MULTILINE)
        description = front.get("description", "")
        if not description:
            problems.append(f"docs/{path} has no description in its front matter")
        if not title and not name:
            problems.append(f"docs/{path} has no title")
        found.append(Entry(group, title[1].replace("`", "") if title else name, path, description))
    if problems:
        raise FinishError("\n".join(problems))
    return found


def split(page: Path) -> tuple[dict[str, Any], str]:
    """The front matter of a page, and what comes after it."""
    text = page.read_text(encoding="utf-8")
    match = re.match(r"---\n(.*?)\n---\n", text, re.DOTALL)
    if match is None:
        return {}, text
    try:
        front = yaml.safe_load(match[1])
    except yaml.YAMLError as error:  # MkDocs passes over it without a word
        raise FinishError(f"{page}: the front matter is no YAML: {error}") from error
    return front or {}, text[match.end() :].lstrip("\n")


def plain(body: str) -> str:
    """A page's Markdown with what the source says of names, and without comments, which speak to tools."""
    fenced = {n for fence in scan(body).fences for n in range(fence.line, fence.end + 1)}
    lines = body.split("\n")
    kept = [line for n, line in enumerate(lines, 1) if n in fenced or not COMMENT.fullmatch(line)]
    text, blank = [], 0
    for line in kept:
        blank = 0 if line.strip() else blank + 1
        if blank < 2:  # a comment leaves two blank lines where it stood
            text.append(line)
    return with_source("\n".join(text))


def llms_text(config: dict[str, Any], found: list[Entry]) -> str:
    """The text of llms.txt."""
    base = config.get("site_url") or ""
    base = base if not base or base.endswith("/") else f"{base}/"
    parts = [f"# {config['site_name']}\n\n> {config['site_description']}\n"]
    for group in dict.fromkeys(entry.group for entry in found):
        lines = [f"- [{e.title}]({base}{e.path}): {e.description}" for e in found if e.group == group]
        parts.append(f"## {group}\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def as_chapter(page: BuiltPage) -> str:
    """The page of a lab as that of a chapter; any other page as it is."""
    if not page.is_lab:
        return page.html
    docs = Path(*page.source.parts[: -len(page.path.parts)])
    return lab_page(page.html, page.source, docs, split(page.source)[0].get("description", ""))


def with_markdown(page: BuiltPage) -> str:
    """The page with a link to its Markdown, which is put beside it."""
    to = page.site / page.path
    to.write_text(page.markdown, encoding="utf-8", newline="\n")
    # For readers without scripts. Material takes such a link for the site in another language, and would ask
    # for a sitemap beside it on every page, which is not there.
    link = f'<link rel="alternate" type="text/markdown" href="{page.link(page.path)}">'
    head = f"<noscript>{link}</noscript></head>"
    return page.html if head in page.html else page.html.replace("</head>", head, 1)


def with_notebook(page: BuiltPage) -> str:
    """The page with how to run it under its title, if it has a notebook."""
    if page.notebook is None or page.path == HOME:
        return page.html
    try:
        return with_block(page.html, block(page.notebook.as_posix(), page.link(page.notebook), page.where))
    except ValueError as error:
        raise FinishError(f"{page.path}: {error}") from error


def with_repository(page: BuiltPage) -> str:
    """The page with the address of the repository, if it is known, in the commands that clone it."""
    known = page.where.repository
    return page.html.replace("git clone REPOSITORY", f"git clone {known}") if known else page.html


def without_plain_tokens(page: BuiltPage) -> str:
    """The page without the spans around names and white space in code, which style nothing: 20 kB on some."""
    return PLAIN_TOKEN.sub(r"\1", page.html)


STEPS: tuple[Callable[[BuiltPage], str], ...] = (
    as_chapter,
    with_markdown,
    with_notebook,
    with_repository,
    without_plain_tokens,
)


def finish(site: Path, docs: Path) -> int:
    """Add everything; returns the number of pages.

    Raises:
        FinishError: it is no built site, or a page lacks what is needed.
    """
    config = read_config(docs.parent / "mkdocs.yml")
    where = published(config.get("repo_url") or "", config.get("site_url") or "")
    notebooks = {page: made.relative_to(docs) for made, page in sources(docs).items() if made.is_file()}
    llms = llms_text(config, entries(config, docs))  # before a page is changed: it may find what is missing
    pages, labs = 0, {}
    for source in sorted(docs.rglob("*.md")):
        path = source.relative_to(docs)
        built = site / (path.parent if path.stem == "index" else path.with_suffix("")) / "index.html"
        if not built.is_file():
            continue
        pages += 1
        html, markdown = built.read_text(encoding="utf-8"), plain(split(source)[1])
        page = BuiltPage(site, source, path, built, markdown, notebooks.get(source), where, html)
        for step in STEPS:
            page = replace(page, html=step(page))
        built.write_text(page.html, encoding="utf-8", newline="\n")
        if page.is_lab:
            labs[f"{path.with_suffix('').as_posix()}/"] = page.html
    if not pages:
        raise FinishError(f"{site} has no page of {docs}: build the site first")
    for notebook in docs.rglob("*.ipynb"):
        name = notebook.relative_to(docs).with_suffix("").as_posix()
        if notebook.parent.name == LABS and f"{name}/" not in labs:
            continue  # a builder that reads no notebooks has no page of this one
        to = site / notebook.relative_to(docs)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(for_readers(notebook, docs, where), encoding="utf-8", newline="\n")
    index = site / "search" / "search_index.json"
    if labs and index.is_file():
        index.write_text(with_labs(index.read_text(encoding="utf-8"), labs), encoding="utf-8", newline="\n")
    (site / "llms.txt").write_text(llms, encoding="utf-8", newline="\n")
    return pages


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", type=Path)
    parser.add_argument("--docs", type=Path, default=ROOT / "docs")
    options = parser.parse_args(arguments)
    try:
        pages = finish(options.site.resolve(), options.docs.resolve())
    except (FinishError, LabError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{pages} pages in Markdown, and llms.txt")
    return 0


if __name__ == "__main__":
    sys.exit(main())
