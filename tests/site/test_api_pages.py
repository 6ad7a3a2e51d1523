"""The reference of the library's names is complete and says what the source says."""

import html
import re
import shutil
import zlib
from collections import Counter
from pathlib import Path

import griffe
import pytest

import tutorial_lib
from tests import ROOT
from tools.pages.scan import scan
from tools.reference import api_docstrings, api_pages

pytestmark = pytest.mark.xdist_group("api pages")  # the page is built once

API = ROOT / "docs" / "reference" / "api"
TAUGHT = re.compile(r"^\*\*Taught in\*\* .*\]\((?:\.\./)+(?!reference)", re.MULTILINE)
OTHERS = re.compile(r"other\s+arguments\s+are\s+those\s+of\s+`(\w+)`")
NAMES = api_docstrings.documented()


def problems(texts: dict[str, str]) -> list[str]:
    """What is wrong with the sections of the names on these pages, a line each."""
    sections = [part for text in texts.values() for part in re.split(r"^(?=## )", text, flags=re.MULTILINE)]
    named = {part: match for part in sections if (match := api_docstrings.SECTION.match(part))}
    counted = Counter(match["name"] for match in named.values())
    public = [f"tutorial_lib.{name}" for name in tutorial_lib._api.__all__]
    found = [f"{name} has no section" for name in public if not counted[name]]
    found += [f"{name} has {n} sections" for name, n in counted.items() if n > 1]
    for section, match in named.items():
        name = match["heading"]
        blocks = scan(section).fences
        used = "".join(fence.body for fence in blocks if fence.info.strip() == "python")
        if name != match["name"].rpartition(".")[2]:
            found.append(f"{name} is the heading of {match['name']}")
        if not TAUGHT.search(section):
            found.append(f"{name} has no line `**Taught in** [a chapter](../../chapters/...)`")
        if not re.search(rf"\b{name}\b", re.sub(r"^(?:from|import) .*$", "", used, flags=re.MULTILINE)):
            found.append(f"{name} has no block of Python that uses it")
        if not any(fence.info.startswith("text") for fence in blocks):
            found.append(f"{name} has no block that prints")
    return found


def test_every_public_name_has_one_section_with_an_example_and_where_it_is_taught() -> None:
    assert problems(api_pages.pages(API)) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("::: tutorial_lib.load_model", "", "tutorial_lib.load_model has no section"),
        (
            "::: tutorial_lib.load_model",
            "::: tutorial_lib.add_hooks",
            "tutorial_lib.add_hooks has 2 sections",
        ),
        ("## load_model", "## Load", "Load is the heading of tutorial_lib.load_model"),
        ("**Taught in**", "Taught in", "load_model has no line `**Taught in**"),
        ("```python", "```text", "load_model has no block of Python"),
        ("```text", "```python", "load_model has no block that prints"),
    ],
)
def test_what_a_section_lacks_is_named(old: str, new: str, said: str) -> None:
    texts = api_pages.pages(API)
    assert old in texts["models"]
    texts["models"] = texts["models"].replace(old, new)
    assert any(line.startswith(said) for line in problems(texts)), problems(texts)


def test_the_overview_is_current_and_is_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stale = api_pages.main(["--check"])
    assert not stale, "".join(capsys.readouterr())
    copy = tmp_path / "docs/reference/api"
    shutil.copytree(API, copy)
    index = (copy / "index.md").read_text(encoding="utf-8")
    (copy / "index.md").write_text(index.replace("`load_model`", "`load`"), encoding="utf-8")
    assert api_pages.main(["--check", "--docs", str(tmp_path / "docs")]) == 1
    assert api_pages.main(["--docs", str(tmp_path / "docs")]) == 0
    assert (copy / "index.md").read_text(encoding="utf-8") == index


@pytest.mark.parametrize("name", tutorial_lib._api.__all__)
def test_the_source_is_that_of_the_name_that_the_library_hands_out(name: str) -> None:
    public = getattr(tutorial_lib, name)
    assert api_pages.find(NAMES[name]).canonical_path == f"{public.__module__}.{public.__name__}"


def documented_functions() -> list[griffe.Function]:
    found = [api_pages.find(name) for name in NAMES.values()]
    return [each for each in found if isinstance(each, griffe.Function)]


def told(function: griffe.Function) -> tuple[set[str], set[str]]:
    """The arguments that a docstring explains, and the kinds of its sections."""
    assert function.docstring
    sections = {section.kind.value: section.value for section in function.docstring.parsed}
    arguments = {each.name.lstrip("*") for each in sections.get("parameters", [])}
    for other in OTHERS.findall(function.docstring.value):
        arguments |= told(api_pages.find(NAMES[other]))[0]
    return arguments, set(sections)


def silent(function: griffe.Function) -> set[str]:
    """What the docstring of a function does not explain: arguments, and what it returns."""
    arguments, kinds = told(function)
    left = {each.name for each in function.parameters} - arguments - {"self"}
    returns = str(function.returns) not in ("None", "NoReturn") and not kinds & {"returns", "yields"}
    return left | ({"what it returns"} if returns else set())


@pytest.mark.parametrize("function", documented_functions(), ids=lambda function: function.path)
def test_a_docstring_explains_each_argument_and_what_is_returned(function: griffe.Function) -> None:
    assert silent(function) == set()


def visited(tmp_path: Path, source: str) -> griffe.Function:
    (tmp_path / "small.py").write_text(source, encoding="utf-8")
    extensions = griffe.load_extensions(str(ROOT / "tools/reference/api_docstrings.py"))
    loaded = griffe.load("small", search_paths=[tmp_path], docstring_parser="google", extensions=extensions)
    function = loaded["f"]
    assert isinstance(function, griffe.Function)
    return function


def test_an_argument_or_a_result_that_no_docstring_explains_is_noticed(tmp_path: Path) -> None:
    source = 'def f(a: int, b: int) -> int:\n    """F.\n\n    Args:\n        a: one.\n    """'
    assert silent(visited(tmp_path, source)) == {"b", "what it returns"}


def test_a_docstring_loses_its_snippets_and_its_names_lead_to_their_sections(tmp_path: Path) -> None:
    source = (
        'def f(a):\n    """Uses `add_hooks`, `f` and `x`:\n\n        f(1)\n\n    More.\n\n'
        '    Args:\n        a: for `f` and `logit_difference`.\n    """'
    )
    text, arguments = visited(tmp_path, source).docstring.parsed
    assert text.value.split() == "Uses [`add_hooks`][tutorial_lib.add_hooks], `f` and `x`: More.".split()
    assert arguments.value[0].description == f"for `f` and [`logit_difference`][{NAMES['logit_difference']}]."


def test_a_short_name_for_a_type_is_said_to_stand_for_what_it_is(tmp_path: Path) -> None:
    source = (
        "from typing import Any, Literal, TypeVar\n"
        'How = Literal["a", "b"]\nPair = tuple[How, Any]\nT = TypeVar("T")\n'
        'def f(a: "Pair | None", b: T) -> int:\n    """F."""'
    )
    types = visited(tmp_path, source).extra["api"]["types"]
    assert types == {"Pair": "tuple[How, Any]", "How": 'Literal["a", "b"]'}


def test_the_plain_page_has_signature_fields_docstring_and_members() -> None:
    text = api_pages.with_source("## Check\n\n::: tutorial_lib.ModelMap\n\n::: tutorial_lib.select_at\n")
    for wanted in (
        "```python\n@dataclass(frozen=True",
        "    d_model: int\n",
        '    @property\n    def n_layers(self) -> int:\n        """The number of blocks."""',
        "```python\ndef select_at(\n    batch: Batch,",
        "    Returns:\n",
    ):
        assert wanted in text, wanted
    assert ":::" not in text
    assert "_child" not in text


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with some names, built by the settings of this site; the repository is known."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder = tmp_path_factory.mktemp("built")
    (folder / "docs").mkdir()
    names = ("add_hooks", "TokenSelection", "HookCalls", "UnexpectedCallsError", "UnfiredHookWarning")
    sections = "\n\n".join(f"## {name}\n\n::: tutorial_lib.{name}" for name in names)
    (folder / "docs/index.md").write_text(f"# Names\n\n{sections}\n", encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPO_URL", "https://example.org/owner/name/")
        patch.setenv("REPO_REF", "v1")
        own = {"nav": None, "docs_dir": str(folder / "docs"), "site_dir": str(folder / "site")}
        build(load_config(str(ROOT / "mkdocs.yml"), extra_css=[], extra_javascript=[], strict=False, **own))
    inventory = zlib.decompress((folder / "site/objects.inv").read_bytes().split(b"\n", 4)[4]).decode()
    assert "tutorial_lib.add_hooks py:function 1 #$ -\n" in inventory, inventory
    return (folder / "site/index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "wanted",
    [
        '<h2 id="add_hooks">',
        '<a id="tutorial_lib.add_hooks"></a>',
        '<h3 id="tutorial_lib.TokenSelection.mask"',
        '<a id="tokenselection-mask"></a>',
        '<a class="autorefs autorefs-internal" href="#tutorial_lib.HookCalls"><code>HookCalls</code></a>',
        "<code>HookPair</code> is <code>tuple[nn.Module, Hook]</code>; <code>Hook</code> is <code>Callable[",
        "<code>from tutorial_lib import add_hooks</code>",
    ],
)
def test_a_built_section_has_its_anchors_links_and_types(page: str, wanted: str) -> None:
    assert wanted in page


def test_a_built_section_has_the_signature_and_no_snippet(page: str) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", page[page.index('<h2 id="add_hooks">') :]))
    assert "    module_forward_pre_hooks: Iterable[HookPair] = (),\n" in text
    assert "def show(module, args)" not in text


def test_a_built_section_leads_to_its_line_of_the_source(page: str) -> None:
    match = re.search(r'href="https://example\.org/owner/name/blob/v1/tutorial_lib/hooks\.py#L(\d+)"', page)
    assert match
    source = (ROOT / "tutorial_lib/hooks.py").read_text(encoding="utf-8").split("\n")
    assert source[int(match[1]) - 1].startswith("def add_hooks(")
