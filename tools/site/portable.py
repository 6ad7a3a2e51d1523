"""Build the site with MkDocs, ProperDocs and Zensical and compare: `make portable`.

The same mkdocs.yml and docs/ are built by each, from a copy. What ProperDocs makes must be what MkDocs makes,
byte for byte but for the name of the program. What Zensical makes, with a theme of its own, must have the
same pages with the same titles, words, anchors, links and pictures, but for the labs: it reads no notebooks.
tools/site/finish_site.py and tools/site/check_links.py must then pass on each.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import zip_longest
from pathlib import Path
from urllib.parse import urljoin

from tools import ROOT
from tools.site.check_links import read_site
from tools.site.finish_site import FinishError, finish

GENERATOR = re.compile(rb'<meta name="generator"[^>]*>')
PRESSED = ".gz"  # has the time in it; what it holds is compared without it
LABS = "labs/"
SHOWN = 20  # lines of differences for each


class BuildError(Exception):
    """A site could not be built; what the program said."""


@dataclass
class Content(HTMLParser):
    """What a reader gets from a page, whatever the theme: all within <article>, the title, the navigation."""

    html: str
    words: list[str] = field(default_factory=list)
    anchors: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    alternatives: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    title: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.inside: list[str] = []
        self.text: list[str] = []
        self.feed(self.html)
        self.words = "".join(self.text).split()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("article", "title", "script", "style"):
            self.inside.append(tag)
        if tag == "a" and "md-nav__link" in values.get("class", "").split():
            self.inside.append(tag)
            self.name = ""
        if "article" not in self.inside:
            return
        # Those that begin with two underscores are the theme's.
        self.anchors |= {values["id"]} if not values.get("id", "__").startswith("__") else set()
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "img":
            self.pictures.append(values.get("src", ""))
            self.alternatives.add(values.get("alt", ""))

    def handle_endtag(self, tag: str) -> None:
        if self.inside and self.inside[-1] == tag and self.inside.pop() == "a":
            self.names.add(" ".join(self.name.split()))

    def handle_data(self, data: str) -> None:
        where = self.inside[-1:]
        if where == ["article"]:
            self.text.append(data)
        elif where == ["a"]:
            self.name += data
        elif where == ["title"] and not self.title:
            self.title = data.strip()


@dataclass(frozen=True)
class Built:
    """A site as a program built it."""

    version: str
    seconds: float
    site: Path


def build(command: str, to: Path) -> Built:
    """Build a copy of mkdocs.yml and docs/ in the folder `to`.

    Args:
        command: the name of a program, or its path, from the folder that this runs in.
        to: is made.

    Raises:
        BuildError: the program failed.
    """
    found = shutil.which(command)
    command = str(Path(found).absolute()) if found else command  # it is started in another folder
    shutil.copytree(ROOT / "docs", to / "docs")
    shutil.copy(ROOT / "mkdocs.yml", to)
    began = time.perf_counter()
    _run([command, "build", "--strict", "--config-file", "mkdocs.yml"], to)
    seconds = time.perf_counter() - began
    version = _run([command, "--version"], to).strip().split(" from ")[0]
    return Built(version, seconds, to / "site")


def _run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise BuildError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr).strip()}")
    return done.stdout


def files(site: Path) -> set[str]:
    return {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}


def unlike(one: Path, other: Path) -> Iterator[str]:
    """Where two sites are not the same byte for byte, but for the name of the program."""
    yield from _missing(files(one), files(other))
    for name in sorted(files(one) & files(other)):
        pair = [GENERATOR.sub(b"", (site / name).read_bytes()) for site in (one, other)]
        if pair[0] != pair[1] and not name.endswith(PRESSED):
            yield f"{name} differs"


def read_otherwise(one: Path, other: Path) -> Iterator[str]:
    """Where a reader gets something else from the second of two sites, but for the labs."""
    pages = [{name for name in files(site) if name.endswith(".html")} for site in (one, other)]
    yield from (line for line in _missing(*pages) if not line.startswith(LABS))
    for name in sorted(pages[0] & pages[1]):
        ours, theirs = (Content((site / name).read_text(encoding="utf-8")) for site in (one, other))
        # Zensical has the name in the navigation before the title of the home page, too.
        if theirs.title not in (ours.title, f"Home - {ours.title}" if name == "index.html" else ours.title):
            yield f"{name}: the title is {theirs.title!r}, not {ours.title!r}"
        for what, before, after in (
            ("anchor", ours.anchors, theirs.anchors),
            ("link", _places(name, ours.links), _places(name, theirs.links)),
            ("picture", _places(name, ours.pictures), _places(name, theirs.pictures)),
            ("text in place of a picture", ours.alternatives, theirs.alternatives),
            ("name in the navigation", ours.names, theirs.names),
        ):
            yield from (f"{name}: no {what} {each!r}" for each in sorted(before - after))
            yield from (f"{name}: {what} {each!r} is new" for each in sorted(after - before))
        if at := _first_difference(ours.words, theirs.words):
            yield f"{name}: {at}"


def _missing(before: set[str], after: set[str]) -> Iterator[str]:
    yield from (f"{name} is missing" for name in sorted(before - after))
    yield from (f"{name} is new" for name in sorted(after - before))


def _places(page: str, references: list[str]) -> set[str]:
    """Where references of a page lead, however they are written; not those to labs, a page or a file."""
    return {to for to in (urljoin(f"/{page}", each) for each in references) if LABS not in to}


def _first_difference(before: list[str], after: list[str]) -> str:
    """Where two texts part, with some words around it; empty if they do not."""
    if before == after:
        return ""
    pairs = zip_longest(before, after)
    at = next(n for n, (one, other) in enumerate(pairs) if one != other)
    ours, theirs = (" ".join(words[max(0, at - 3) : at + 5]) for words in (before, after))
    return f"the text is {theirs!r}, not {ours!r}"


def broken(site: Path) -> Iterator[str]:
    """What is wrong with a site once it is finished, but for links to labs."""
    try:
        finish(site, ROOT / "docs")
    except FinishError as error:
        yield str(error)
    yield from (line for line in read_site(site).problems() if LABS not in line)


def report(sites: dict[str, Built], found: dict[str, list[str]]) -> str:
    """All of it as Markdown."""
    lines = ["| built by | version | seconds | pages | differences |", "|---|---|---|---|---|"]
    for name, built in sites.items():
        pages = sum(file.endswith(".html") for file in files(built.site))
        lines.append(f"| {name} | {built.version} | {built.seconds:.1f} | {pages} | {len(found[name])} |")
    for name, differences in found.items():
        if differences:
            lines += ["", f"**{name}**", "", *(f"- {line}" for line in differences[:SHOWN])]
            lines += [f"- and {len(differences) - SHOWN} more"] if len(differences) > SHOWN else []
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("mkdocs", "properdocs", "zensical"):
        parser.add_argument(f"--{name}", required=True, metavar="COMMAND")
    parser.add_argument("--summary", type=Path, help="a file that the report is added to")
    options = parser.parse_args(arguments)
    sites: dict[str, Built] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in ("mkdocs", "properdocs", "zensical"):
            print(f"{name} ...", file=sys.stderr)
            sites[name] = build(getattr(options, name), Path(folder, name))
        first = sites["mkdocs"].site
        found = {
            "mkdocs": [],
            "properdocs": list(unlike(first, sites["properdocs"].site)),
            "zensical": list(read_otherwise(first, sites["zensical"].site)),
        }
        for name, built in sites.items():
            found[name] += broken(built.site)
        text = report(sites, found)
    print(text)
    if options.summary:
        with options.summary.open("a", encoding="utf-8") as file:
            file.write(text)
    return int(any(found.values()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BuildError as error:
        sys.exit(str(error))
