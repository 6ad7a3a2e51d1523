"""The reference of the library's names is complete and says what the source says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import tutorial_lib
from tests import ROOT
from tools.pages.page import read_page
from tools.reference import api_pages, api_source

API = ROOT / "docs" / "reference" / "api"
PAGES = sorted(API.glob("*.md"))
Edit = Callable[[str, str, str], int]


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of what the tool writes."""
    shutil.copytree(API, tmp_path / "docs" / "reference" / "api")
    return tmp_path / "docs"


@pytest.fixture
def check_after(docs: Path) -> Edit:
    """Replaces a text on a copy of a page and gives the exit code of the check."""

    def edited(page: str, old: str, new: str) -> int:
        path = docs / "reference" / "api" / page
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        return api_pages.main(["--check", "--docs", str(docs)])

    return edited


def test_the_committed_pages_are_current(capsys: pytest.CaptureFixture[str]) -> None:
    stale = api_pages.main(["--check"])
    assert not stale, "".join(capsys.readouterr())


def test_the_names_are_those_that_the_library_hands_out() -> None:
    assert api_source.public_names() == sorted(tutorial_lib._api.__all__, key=str.lower)
    for name in api_source.public_names():
        found = api_source.find(name)
        public = getattr(tutorial_lib, name)
        assert (found.module, found.name) == (public.__module__, public.__name__)


def test_every_public_name_has_one_section_with_an_example_that_prints() -> None:
    sections = [s for page in PAGES for s in api_pages.sections(page.name, page.read_text(encoding="utf-8"))]
    headings = [section.heading for section in sections]
    assert len(set(headings)) == len(headings)
    assert set(api_source.public_names()) <= set(headings)
    for page in PAGES:
        text = page.read_text(encoding="utf-8").split("\n")
        shown: dict[str, bool] = {}
        for block in read_page(page, ROOT).blocks:
            before = [line for line in text[: block.line] if line.startswith("## ")]
            if before:
                shown[before[-1][3:]] = shown.get(before[-1][3:], False) or block.output is not None
        here = [section.heading for section in sections if section.page == page.name]
        assert shown == dict.fromkeys(here, True), page.name


def test_a_section_is_named_by_the_name_and_has_its_arguments_shapes_and_errors() -> None:
    text = (API / "reading.md").read_text(encoding="utf-8")
    section = next(
        s for s in api_pages.sections("reading.md", text) if s.heading == "get_residual_stream_at_layer"
    )
    for wanted in (
        "    layer_idx: int,\n",
        '    edits: Edits = "after",\n',
        '`Edits` is `Literal["after", "before"]`',
        "- `stop_early`: stop the forward pass as soon as",
        "**Returns** A copy of the stream `[batch, seq, d_model]`",
        "- [`UnaddressableStreamError`](maps.md#unaddressablestreamerror): ",
        "Source: `tutorial_lib/residual.py`",
    ):
        assert wanted in section.text, wanted


def test_a_part_that_was_edited_by_hand_is_stale_and_written_anew(
    check_after: Edit, docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_after("reading.md", "    layer_idx: int,", "    layer_idx: float,") == 1
    assert "stale: docs/reference/api/reading.md" in capsys.readouterr().out
    assert api_pages.main(["--docs", str(docs)]) == 0
    assert (docs / "reference" / "api" / "reading.md").read_text() == (API / "reading.md").read_text()


@pytest.mark.parametrize(
    ("page", "old", "new", "message"),
    [
        ("models.md", "<!-- api: load_model -->", "", "load_model has no section"),
        ("models.md", "<!-- api: load_model -->", "<!-- api: add_hooks -->", "add_hooks has 2 sections"),
        (
            "models.md",
            "<!-- api: load_model -->",
            "<!-- api: load_modell -->",
            "load_modell is no public name",
        ),
        (
            "models.md",
            "## load_model",
            "## Load",
            "Load: the heading must be that of the one name, load_model",
        ),
        ("models.md", "<!-- end of api -->", "", "the marker <!-- end of api --> is missing"),
        ("models.md", "**Taught in**", "Taught in", "load_model: no line `**Taught in**"),
        ("models.md", "```python", "```text", "load_model: no block of Python that uses load_model"),
        (
            "hooks.md",
            "isinstance(mine[0], LeftoverHook)",
            "mine",
            "LeftoverHook: no block of Python that uses",
        ),
    ],
)
def test_what_is_missing_in_a_section_is_named(
    check_after: Edit, capsys: pytest.CaptureFixture[str], page: str, old: str, new: str, message: str
) -> None:
    assert check_after(page, old, new) == 1
    assert message in capsys.readouterr().err


def _definition(source: str) -> api_source.Definition:
    import ast

    node = ast.parse(source).body[0]
    assert isinstance(node, (ast.FunctionDef, ast.ClassDef))
    return api_source.Definition(node.name, "tutorial_lib.hooks", node)


def test_an_argument_or_a_result_that_no_docstring_explains_is_an_error() -> None:
    undocumented = 'def f(a: int, b: int) -> None:\n    """F.\n\n    Args:\n        a: one.\n    """\n'
    with pytest.raises(api_source.SourceError, match="the docstring of f does not say what b is"):
        api_pages.Writer(_definition(undocumented), "x.md", {}).text()
    silent = 'def f(a: int) -> int:\n    """F.\n\n    Args:\n        a: one.\n    """\n'
    with pytest.raises(api_source.SourceError, match="does not say what it returns"):
        api_pages.Writer(_definition(silent), "x.md", {}).text()


def test_a_docstring_is_read_to_the_letter() -> None:
    doc = _definition(
        'def f(a, *rest, **more):\n    """Does: this.\n\n        f(1)\n\n    More.\n\n    Args:\n'
        '        a: what\n            goes on.\n            "x": one value.\n            "y": another.\n'
        "        *rest, **more: others.\n\n    Returns:\n        A copy, if any: take care.\n    " + '"""\n'
    ).doc
    assert doc.text == "Does: this.\n\nMore."
    assert doc.sections["Args"] == [
        ("a", 'what goes on.\n"x": one value.\n"y": another.'),
        ("*rest, **more", "others."),
    ]
    assert doc.sections["Returns"] == [("", "A copy, if any: take care.")]


def test_what_looks_like_html_in_a_docstring_is_shown() -> None:
    text = (API / "collecting.md").read_text(encoding="utf-8")
    assert '"layer_&lt;n>"' in text
