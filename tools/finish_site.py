"""Add to a built site what MkDocs does not make: `python tools/finish_site.py SITE [--docs docs]`.

- Beside each page its Markdown, at the address of the page with `.md` in the place of the last slash, and a
  link to it in the head of the page. `reference/cli/` is `reference/cli.md`, so links between them hold.
- Under the title of each page that has a notebook, how to run it; and the notebooks: tools/run_it.py.
- The pages of the labs, and what the search says of them, as for the other pages: tools/lab_pages.py,
  tools/lab_search.py.
- `llms.txt` (https://llmstxt.org): the titles, addresses and descriptions of all pages of the navigation.
- Names for what the theme leaves unnamed, on every page: tools/accessible.py.
- What the theme's script would do to each page while a reader waits: tools/first_paint.py.

It needs no plugin, so it works after MkDocs, ProperDocs and Zensical alike. Run it once on each build.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.snippet_scan import scan  # noqa: E402
from tools.accessible import accessible  # noqa: E402
from tools.api_pages import with_source  # noqa: E402
from tools.first_paint import paint_first, with_class  # noqa: E402
from tools.lab_pages import LABS, LabError, lab_page  # noqa: E402
from tools.lab_search import with_labs  # noqa: E402
from tools.notebooks import sources  # noqa: E402
from tools.run_it import Published, block, for_readers, published, with_block  # noqa: E402

HOME = Path("index.md")  # has a notebook, but its first screen has the doors instead
START = "Start"  # the group of the pages that stand in no group
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


def with_link(html: str, markdown: str) -> str:
    """A built page with a link to its Markdown, whose address is given from the page."""
    # For readers without scripts. Material takes such a link for the site in another language, and would ask
    # for a sitemap beside it on every page, which is not there.
    head = f'<noscript><link rel="alternate" type="text/markdown" href="{markdown}"></noscript>'
    return html if head in html else html.replace("</head>", f"{head}</head>", 1)


def with_notebook(html: str, page: Path, notebook: Path, where: Published) -> str:
    """A built page with how to run it under its title; both paths are below docs/."""
    folder = page.parent if page.stem == "index" else page.with_suffix("")
    link = Path(os.path.relpath(notebook, folder)).as_posix()
    try:
        return with_block(html, block(notebook.as_posix(), link, where))
    except ValueError as error:
        raise FinishError(f"{page}: {error}") from error


def finish(site: Path, docs: Path) -> int:
    """Add everything; returns the number of pages.

    Raises:
        FinishError: it is no built site, or a page lacks what is needed.
    """
    config = read_config(docs.parent / "mkdocs.yml")
    found = entries(config, docs)
    where = published(config.get("repo_url") or "", config.get("site_url") or "")
    notebooks = {page: made.relative_to(docs) for made, page in sources(docs).items() if made.is_file()}
    pages, labs = 0, {}
    for source in sorted(docs.rglob("*.md")):
        path = source.relative_to(docs)
        built = site / (path.parent if path.stem == "index" else path.with_suffix("")) / "index.html"
        if not built.is_file():
            continue
        pages += 1
        front, body = split(source)
        (site / path).write_text(plain(body), encoding="utf-8", newline="\n")
        markdown = Path(os.path.relpath(site / path, built.parent)).as_posix()
        html = built.read_text(encoding="utf-8")
        if path.parts[0] == LABS:
            html = lab_page(html, source, docs, front.get("description", ""))
        if source in notebooks and path != HOME:
            html = with_notebook(html, path, notebooks[source], where)
        html = with_link(html, markdown)
        if where.repository:
            html = html.replace("git clone REPOSITORY", f"git clone {where.repository}")
        if path.parts[0] == LABS:
            labs[f"{path.with_suffix('').as_posix()}/"] = html
        built.write_text(html, encoding="utf-8", newline="\n")
    if not pages:
        raise FinishError(f"{site} has no page of {docs}: build the site first")
    tables = with_class(site)
    for page in site.rglob("*.html"):
        html = paint_first(accessible(page.read_text(encoding="utf-8")), tables=tables)
        page.write_text(html, encoding="utf-8", newline="\n")
    for notebook in docs.rglob("*.ipynb"):
        if notebook.parent.name == LABS and notebook.with_suffix("").name not in {
            Path(lab).name for lab in labs
        }:
            continue  # a builder that reads no notebooks has no page of this one
        to = site / notebook.relative_to(docs)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(for_readers(notebook, docs, where), encoding="utf-8", newline="\n")
    index = site / "search" / "search_index.json"
    if labs and index.is_file():
        index.write_text(with_labs(index.read_text(encoding="utf-8"), labs), encoding="utf-8", newline="\n")
    (site / "llms.txt").write_text(llms_text(config, found), encoding="utf-8", newline="\n")
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
