"""What a page of the site says about running it: its notebook to download, Colab, the commands for a clone.

`finish_site.py` writes it under the title of each page that has a notebook, and puts the notebooks in
order for readers who have them from the site: the cell that installs gets the address of the repository, and
links to other pages lead to the site. What is not known is left out, so that no link is dead:

- `$REPO_URL`, `$REPO_REF`: the address of the repository, and a branch, tag or commit of it. Without the
  first a notebook still looks for a clone, and the page does not say what to clone.
- `$SITE_TREE`: where this build of the site is committed, as BRANCH/FOLDER, such as `gh-pages/dev`. Colab
  opens notebooks from a repository on GitHub only, and those of the site are the ones that know the address.
"""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tools.notebooks.install_cell import with_address

BLOCK = re.compile(r'<div class="run-it">.*?</details></div>\n?', re.DOTALL)
GITHUB = re.compile(r"https://github\.com/(?P<name>[^/]+/[^/]+)")
PAGE_LINK = re.compile(r"\]\((?P<path>(?:\.\./|[\w-]+/)*[\w-]+)\.md(?P<anchor>#[^)]*)?\)")


@dataclass(frozen=True)
class Published:
    """Where the repository and this build of the site are; empty where it is not known.

    Attributes:
        repository: the address, without a slash at its end.
        ref: a branch, tag or commit.
        tree: the branch and folder of this build.
        site: the address of the site, with a slash at its end.
    """

    repository: str = ""
    ref: str = "main"
    tree: str = ""
    site: str = ""

    def colab(self, notebook: str) -> str:
        """The address at which Colab opens a notebook of the site, or nothing."""
        github = GITHUB.fullmatch(self.repository)
        if not github or not self.tree:
            return ""
        path = quote(f"{self.tree.strip('/')}/{notebook}")
        return f"https://colab.research.google.com/github/{github['name']}/blob/{path}"


def published(repository: str, site: str) -> Published:
    """What the environment says; the arguments are what mkdocs.yml says."""
    repository = (os.environ.get("REPO_URL") or repository).rstrip("/").removesuffix(".git")
    site = f"{site.rstrip('/')}/" if site else ""
    ref, tree = os.environ.get("REPO_REF") or "main", os.environ.get("SITE_TREE", "")
    return Published(repository, ref, tree, site)


def block(notebook: str, link: str, where: Published) -> str:
    """The lines under the title.

    Args:
        notebook: its path below docs/, which is its path on the site.
        link: to it, from the page.
        where: what is known.
    """
    links = [f'<a href="{html.escape(link)}" download>Download the notebook</a>']
    if colab := where.colab(notebook):
        links.append(f'<a href="{html.escape(colab)}">Open in Colab</a>')
    clone = "# in a clone of the repository"
    if where.repository:
        clone = f"git clone {where.repository}\ncd {where.repository.rpartition('/')[2]}"
    commands = f'{clone}\npython -m pip install ".[pages]" jupyterlab\njupyter lab docs/{notebook}'
    return (
        f'<div class="run-it">{" ".join(links)} <details><summary>Run it locally</summary>'
        '<div class="language-sh highlight"><pre><span></span><code>'
        f"{html.escape(commands, quote=False)}\n</code></pre></div></details></div>\n"
    )


def with_block(page: str, text: str) -> str:
    """A built page with these lines under its title, in the place of those of an earlier run.

    Raises:
        ValueError: the page has no title.
    """
    page = BLOCK.sub("", page)
    before, title, after = page.partition("</h1>")
    if not title:
        raise ValueError("there is no </h1> to put the notebook under")
    return f"{before}{title}\n{text}{after.removeprefix(chr(10))}"


def for_readers(notebook: Path, docs: Path, where: Published) -> str:
    """The text of a notebook as the site gives it out."""
    text = notebook.read_text(encoding="utf-8")
    if where.repository:
        text = with_address(text, where.repository, where.ref)
    if where.site:
        text = PAGE_LINK.sub(lambda link: _on_site(link, notebook.parent, docs, where.site), text)
    return text


def _on_site(link: re.Match[str], folder: Path, docs: Path, site: str) -> str:
    """A link to a page of docs/ as a link to the site; one that leads elsewhere stays."""
    page = Path(os.path.normpath(folder / link["path"]))
    if not page.with_suffix(".md").is_file() or not page.is_relative_to(docs):
        return link[0]
    path = page.relative_to(docs).as_posix()
    path = path.removesuffix("index") if page.name == "index" else f"{path}/"
    return f"]({json.dumps(site + path)[1:-1]}{link['anchor'] or ''})"
