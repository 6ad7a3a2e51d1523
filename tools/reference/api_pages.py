"""Write the generated parts of the API pages: `python -m tools.reference.api_pages [--check] [--docs docs]`.

A page in docs/reference/api/ is written by hand, but for what stands between `<!-- api: NAME -->` and
`<!-- end of api -->`: that comes from the source of the name. To add a name, write a section

    ## NAME

    <!-- api: NAME -->
    <!-- end of api -->

    **Taught in** [a chapter](../../chapters/4-residual-stream.md)

    (a block of Python that uses it)

on the page of its topic, run this tool, and `pytest --bake` on the page. NAME is a name of `tutorial_lib`, or
one like `tutorial_lib.patching.logit_difference` that is documented without being handed out there.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

from tools.reference.anchors import anchor_of
from tools.reference.api_source import (
    Definition,
    Doc,
    Function,
    SourceError,
    aliases,
    find,
    is_property,
    members,
    public_names,
    read_doc,
    signature,
)
from tools.reference.generated import bring_up_to_date, parser
from tools.reference.sections import PartsError, Section, filled, problems, sections_of

TITLE = re.compile(r"^# (.+)$", re.MULTILINE)
INDEX = re.compile(r"^(<!-- api index -->)\n.*?^(<!-- end of api index -->)$", re.MULTILINE | re.DOTALL)
TAUGHT = re.compile(r"^\*\*Taught in\*\* .*\]\((?:\.\./)+(?!reference)", re.MULTILINE)
CODE = re.compile(r"`(?P<name>[A-Za-z_]\w*)`")
# Of the pages in the overview; others follow.
ORDER = ("hooks", "reading", "editing", "positions", "directions", "maps", "collecting", "models")
LABELS = {"Args": "Arguments", "Attributes": "Attributes", "Raises": "Errors", "Warns": "Warnings"}


def sections(page: str, text: str) -> list[Section]:
    """The sections of the names on a page."""
    return sections_of(page, text, "api")


def wrong(found: list[Section], public: list[str]) -> list[str]:
    """What is wrong with the sections of all pages, a line each."""
    lines = problems(found, public, "api", lambda name: name.rpartition(".")[2])
    for section in found:
        at = f"{section.page}: {section.heading}"
        lines += [
            f"{at}: {name} is no public name"
            for name in section.names
            if name not in public and "." not in name
        ]
        if not TAUGHT.search(section.text):
            lines.append(f"{at}: no line `**Taught in** [a chapter](../../chapters/...)`")
        used = re.sub(r"^(?:from|import) .*$", "", section.code("python"), flags=re.MULTILINE)
        if not re.search(rf"\b{section.heading}\b", used):
            lines.append(f"{at}: no block of Python that uses {section.heading}")
    return lines


def made(docs: Path) -> dict[Path, str]:
    """Each page with its generated parts.

    Raises:
        PartsError: a name without a section and the like.
    """
    paths = sorted((docs / "reference" / "api").glob("*.md"))
    texts = {path: path.read_text(encoding="utf-8") for path in paths}
    found = [section for path, text in texts.items() for section in sections(path.name, text)]
    if lines := wrong(found, public_names()):
        raise PartsError("\n".join([*lines, "How a section is written: tools/reference/api_pages.py"]))
    places = {section.heading: f"{section.page}#{anchor_of(section.heading)}" for section in found}
    files = {}
    for path, text in texts.items():
        page = path.name

        def write(name: str, page: str = page) -> str:
            return Writer(find(name), page, places).text()

        files[path] = INDEX.sub(
            lambda match: f"{match[1]}\n\n{overview(texts, found)}\n\n{match[2]}", filled(text, "api", write)
        )
    return files


def overview(texts: dict[Path, str], found: list[Section]) -> str:
    """A list for each page: its names and the first lines of their docstrings."""
    parts = []
    for path in sorted(texts, key=lambda each: ORDER.index(each.stem) if each.stem in ORDER else len(ORDER)):
        here = [section for section in found if section.page == path.name]
        title = TITLE.search(texts[path])
        lines = [
            f"- [`{section.heading}`]({path.name}#{anchor_of(section.heading)}): "
            f"{find(section.names[0]).doc.summary}"
            for section in here
        ]
        if here:
            parts.append(f"## {title[1] if title else path.stem}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


class Writer:
    """Writes what a definition says as Markdown.

    Args:
        definition: of the name.
        page: that it is written on.
        places: where the other names are, to link to them.
    """

    def __init__(self, definition: Definition, page: str, places: dict[str, str]) -> None:
        self.at, self.page, self.places = definition, page, places

    def text(self) -> str:
        """All of the generated part."""
        node = self.at.node
        head, *parts = self._of_class(node) if isinstance(node, ast.ClassDef) else self._of_function(node)
        return "\n\n".join([head, self._source(), *parts])

    def _of_function(self, node: Function) -> list[str]:
        doc = self.at.doc
        self._check(node, doc, self.at.name)
        return [self._signature(self.at.name, node), *self._body(doc)]

    def _of_class(self, node: ast.ClassDef) -> list[str]:
        own = {each.name: each for each in node.body if isinstance(each, ast.FunctionDef)}
        frozen = any("frozen=True" in ast.unparse(each) for each in node.decorator_list)
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        head = f"class {node.name}({bases})" if bases else f"class {node.name}"
        parts = [f"```text\n{head}{'  # a frozen dataclass' if frozen else ''}\n```"]
        fields = {
            each.target.id: ast.unparse(each.annotation).strip("'\"")
            for each in node.body
            if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
        }
        made_by = own.get("__init__")
        made_doc = (
            read_doc(made_by, f"{self.at.path}: {node.name}")
            if made_by and ast.get_docstring(made_by)
            else None
        )
        if made_by and made_doc:
            self._check(made_by, made_doc, node.name)
            parts[0] = self._signature(node.name, made_by)
            text, *rest = self._body(self.at.doc, fields)
            parts += [text, *self._sections(made_doc), *rest]
        else:
            parts += self._body(self.at.doc, fields)
        for name, method in members(node):
            parts.append(self._member(node.name, name, method))
        return parts

    def _member(self, owner: str, name: str, node: Function) -> str:
        """A method as a paragraph with an anchor: no heading, so that the outline stays one of names."""
        doc = read_doc(node, f"{self.at.path}: {owner}.{name}")
        anchor = anchor_of(f"{owner}-{name.strip('_')}")
        if is_property(node):
            call = f"{owner}.{name}"
        elif name == "__getitem__":
            call = f"{owner}[{node.args.args[1].arg}]"
        else:
            call = signature(f"{owner}.{name}", node, width=sys.maxsize)
        parts = [f"**`{call}`**{{ #{anchor} }}", *self._body(doc)]
        return "\n\n".join(parts)

    def _signature(self, name: str, node: Function) -> str:
        meant = [f"`{short}` is `{long}`" for short, long in aliases(self.at.module, node).items()]
        note = f"\n\n{'; '.join(meant)}." if meant else ""
        return f"```text\n{signature(name, node)}\n```{note}"

    def _body(self, doc: Doc, fields: dict[str, str] | None = None) -> list[str]:
        return [self._linked(doc.text), *self._sections(doc, fields)]

    def _sections(self, doc: Doc, fields: dict[str, str] | None = None) -> list[str]:
        parts = []
        for name, entries in doc.sections.items():
            if name in ("Returns", "Yields"):
                label = "Returns" if name == "Returns" else "Gives, one after the other"
                parts.append(f"**{label}** {self._linked(entries[0][1])}")
                continue
            lines = []
            for names, text in entries:
                meaning, *values = text.split("\n")
                lines.append(f"- {self._names(names, fields)}: {self._linked(meaning)}")
                lines += [f"    - {self._linked(value)}" for value in values]
            parts.append(f"**{LABELS[name]}**\n\n" + "\n".join(lines))
        return parts

    def _names(self, names: str, fields: dict[str, str] | None) -> str:
        listed = names.split(", ")
        shown = ", ".join(self._linked(f"`{name}`") for name in listed)
        kinds = {fields[name] for name in listed if fields and name in fields}
        return f"{shown} (`{kinds.pop()}`)" if len(kinds) == 1 else shown

    def _source(self) -> str:
        """Where it is defined; `tools/site/finish_site.py` makes this a link where the address is known."""
        where = f"{self.at.module}.{self.at.name}"
        public = self.at.name in public_names()
        shown = f"from {'tutorial_lib' if public else self.at.module} import {self.at.name}"
        return f'`{shown}`<br>\nSource: `{self.at.path}`{{ .api-source title="{where}" }}'

    def _linked(self, text: str) -> str:
        """The text with links from names in it to their sections."""

        def link(match: re.Match[str]) -> str:
            place = self.places.get(match["name"])
            if place is None or match["name"] == self.at.name:
                return match[0]
            return f"[{match[0]}]({place.removeprefix(self.page)})"

        plain = "".join(
            part if part.startswith("`") else part.replace("<", "&lt;")
            for part in re.split(r"(`[^`]*`)", text)
        )
        return CODE.sub(link, plain)

    def _check(self, node: Function, doc: Doc, name: str) -> None:
        """A public function says what each of its arguments is and what it returns."""
        every = node.args
        arguments = [each.arg for each in (*every.posonlyargs, *every.args, *every.kwonlyargs)]
        told = {each for names, _ in doc.sections.get("Args", []) for each in names.split(", ")}
        if missing := [each for each in arguments if each not in told and each != "self"]:
            raise SourceError(
                f"{self.at.path}: the docstring of {name} does not say what {', '.join(missing)} is"
            )
        returns = ast.unparse(node.returns) if node.returns else "None"
        if returns != "None" and not {"Returns", "Yields"} & doc.sections.keys():
            raise SourceError(f"{self.at.path}: the docstring of {name} does not say what it returns")


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    try:
        files = made(options.docs.resolve())
    except (PartsError, SourceError) as error:
        print(error, file=sys.stderr)
        return 1
    return bring_up_to_date(files, (), options, tool="api_pages.py")


if __name__ == "__main__":
    sys.exit(main())
