"""Show a lab as the other pages are shown: what mkdocs-jupyter makes of a notebook, marked up anew.

mkdocs-jupyter wraps each cell in JupyterLab's boxes and brings its styles, MathJax, a copy button and
a second copy of the code along: 900 kB a page, some of it from another host. The content is taken out of the
boxes and marked up as MkDocs marks up a chapter, so that styles, copy buttons and schemes are those of the
site. Figures lead to their files, links to the page that they name.
"""

from __future__ import annotations

import base64
import html
import json
import os
import re
from pathlib import Path, PurePosixPath

from bs4 import BeautifulSoup, Comment, Tag

ARTICLE = re.compile(r"(?P<open><article\b[^>]*>)(?P<inner>.*)(?P<close></article>)", re.DOTALL)
LABS = "labs"  # the folder below docs/
INLINE = re.compile(r"data:image/png;base64,(?P<data>.*)", re.DOTALL)


class LabError(Exception):
    """A lab has something that its page cannot show."""


def lab_page(page: str, source: Path, docs: Path, description: str) -> str:
    """The page of a lab, from what mkdocs-jupyter made; a page that is done already stays as it is.

    Args:
        page: the whole HTML.
        source: the Markdown that the notebook was made from.
        docs: the folder of all pages.
        description: for search engines; a notebook has no front matter that would say it.

    Raises:
        LabError: an output that is neither text nor one of the figures beside the source.
    """
    article = ARTICLE.search(page)
    if article is None or 'class="jupyter-wrapper"' not in article["inner"]:
        return page
    inner = BeautifulSoup(article["inner"], "html.parser")
    for tag in inner.find_all(["style", "script"]):
        tag.decompose()
    for comment in inner.find_all(string=lambda text: isinstance(text, Comment)):
        comment.extract()
    wrapper = inner.select_one(".jupyter-wrapper")
    assert wrapper is not None
    figures = _figures(source)
    cells = wrapper.select(".jp-Notebook > .jp-Cell")
    content = "\n".join(_cell(cell, figures, source) for cell in cells)
    wrapper.replace_with(BeautifulSoup(content, "html.parser"))
    for link in inner.find_all("a", href=True):
        link["href"] = _on_site(str(link["href"]), source.relative_to(docs))
    text = f"{page[: article.start()]}{article['open']}{inner}{article['close']}{page[article.end() :]}"
    about = f'<meta name="description" content="{html.escape(description)}">'
    return re.sub(r'<meta name="description" content="[^"]*">', lambda match: about, text)


def _figures(source: Path) -> dict[bytes, str]:
    """Each figure of the notebook and its image, with the alt text that nbconvert's template leaves out."""
    files = {path.read_bytes(): path.name for path in source.parent.glob("*.png")}
    cells = json.loads(source.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    found = {}
    for output in (output for cell in cells for output in cell.get("outputs", [])):
        data = base64.b64decode("".join(output.get("data", {}).get("image/png", "")))
        if data in files:
            alt = output["metadata"].get("image/png", {}).get("alt", "")
            found[data] = f'<img alt="{html.escape(alt)}" src="../{files[data]}">'
    return found


def _cell(cell: Tag, figures: dict[bytes, str], source: Path) -> str:
    """A cell as MkDocs writes a paragraph, or a block with what it printed and drew."""
    if text := cell.select_one(".jp-MarkdownOutput"):
        for anchor in text.select("a.anchor-link"):
            anchor["class"], anchor["title"] = "headerlink", "Permanent link"
        for quotation in text.find_all("blockquote"):
            _as_box(quotation)
        return text.decode_contents().strip()
    code = cell.select_one(".highlight-ipynb pre")
    if code is None:
        raise LabError(f"{source.name}: a cell that is neither text nor code")
    parts = [_block("python", code)]
    for output in cell.select(".jp-OutputArea-output"):
        picture, printed = output.find("img"), output.find("pre")
        if isinstance(picture, Tag):
            parts.append(_figure(picture, figures, source))
        elif isinstance(printed, Tag):
            parts.append(_block("text", printed))
        else:
            raise LabError(f"{source.name}: an output that is neither text nor a figure")
    return "\n".join(parts)


def _as_box(quotation: Tag) -> None:
    """A quotation under a title in bold is how a notebook has a box of the source: make it one again."""
    title = quotation.find("p")
    bold = title.find("strong", recursive=False) if isinstance(title, Tag) else None
    if isinstance(title, Tag) and isinstance(bold, Tag) and bold.get_text() == title.get_text():
        quotation.name, quotation["class"], title["class"] = "div", "admonition abstract", "admonition-title"
        bold.unwrap()


def _block(language: str, pre: Tag) -> str:
    inner = pre.decode_contents().removeprefix("<span></span>")
    return f'<div class="language-{language} highlight"><pre><span></span><code>{inner}</code></pre></div>'


def _figure(picture: Tag, figures: dict[bytes, str], source: Path) -> str:
    inline = INLINE.fullmatch(str(picture.get("src", "")))
    image = inline and figures.get(base64.b64decode(inline["data"]))
    if not image:
        raise LabError(f"{source.name}: a figure that is not a file beside it: make bake")
    return f"<p>{image}</p>"


def _on_site(link: str, source: Path) -> str:
    """A link of the source as a link of its page, a folder below; one that edits the notebook, the source."""
    if re.match(r"[a-z]+:", link):
        return re.sub(rf"({re.escape(source.with_suffix('').as_posix())})\.ipynb$", r"\1.md", link)
    path, mark, anchor = link.partition("#")
    if not path.endswith(".md"):
        return link
    target = PurePosixPath(os.path.normpath(source.parent / path)).with_suffix("")
    folder = target.parent if target.name == "index" else target
    return f"{os.path.relpath(folder, source.with_suffix(''))}/{mark}{anchor}"
