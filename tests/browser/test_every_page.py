"""Every page of the built site in a real browser: light and dark, wide and on a phone.

A push opens the first page of each folder, whose frame all pages of that folder share, and a share of the
others.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.browser.all_pages import Finding, first_of_each_folder, pages_of, sweep
from tests.turns import TURNS, deal
from tools.site.site_server import serving

Wrong = Callable[[str], str]
SHARES = 12


@pytest.fixture(scope="session")
def findings(chromium: Any, address: str, site: Path, request: pytest.FixtureRequest) -> list[Finding]:
    """All that is wrong with the site; some minutes, so with a line now and then on the terminal."""
    capture = request.config.pluginmanager.getplugin("capturemanager")

    def progress(line: str) -> None:
        with capture.global_and_fixture_disabled():
            print(f"\n  {line}", end="", flush=True)

    return sweep(chromium, address, in_this_turn(pages_of(site), request.config.option), progress)


def in_this_turn(pages: list[str], option: Any) -> list[str]:
    """The pages that this run opens, see `tests/turns.py`; all of them with --everything."""
    firsts = list(first_of_each_folder(pages))
    shares = deal([page for page in pages if page not in firsts], SHARES)
    return pages if option.everything else firsts + shares[option.turn % SHARES]


def test_the_turns_together_open_every_page() -> None:
    later = [f"{folder}/{number}/" for folder in "ab" for number in range(SHARES)]
    pages = ["", "a/", "b/", *later, "404.html"]

    def turn(number: int, everything: bool = False) -> set[str]:
        return set(in_this_turn(pages, SimpleNamespace(turn=number, everything=everything)))

    assert set().union(*map(turn, range(TURNS))) == turn(0, everything=True) == set(pages)
    assert all({"", "a/", "b/", "404.html"} <= turn(number) < set(pages) for number in range(TURNS))


@pytest.fixture
def wrong(findings: list[Finding]) -> Wrong:
    """What is wrong in one way, a line each."""
    return lambda kind: "\n".join(str(finding) for finding in findings if finding.kind == kind)


def test_no_page_writes_an_error_or_a_warning_to_the_console(wrong: Wrong) -> None:
    assert not wrong("console")


def test_no_request_of_a_page_fails(wrong: Wrong) -> None:
    assert not wrong("request")


def test_no_page_asks_another_host_for_anything(wrong: Wrong) -> None:
    assert not wrong("host")


def test_every_page_fits_the_width_of_the_screen(wrong: Wrong) -> None:
    assert not wrong("width")


def test_every_image_loads(wrong: Wrong) -> None:
    assert not wrong("image")


def test_every_image_has_alt_text(wrong: Wrong) -> None:
    assert not wrong("alt")


def test_every_page_takes_the_theme_of_the_system_and_can_be_switched(wrong: Wrong) -> None:
    assert not wrong("theme")


def test_axe_finds_nothing_on_any_page_in_either_theme(wrong: Wrong) -> None:
    assert not wrong("axe")


# Each fault of a page, in the forms that it shows in. Only the dark theme makes the pale word too pale.
BAD_PAGE = """<!doctype html><html lang="en"><head><title>Bad</title><link rel="icon" href="data:,"><style>
    .pale { color: #707070 } [data-md-color-scheme=slate] { background: #444; color: #fff }
  </style></head><body data-md-color-scheme="default"><main><article><h1>Bad</h1>
  <form class="md-header__option"><label><input type="radio"
    onclick="setTimeout(() => document.body.dataset.mdColorScheme = 'slate')"> Dark</label></form>
  <p style="width: 500px">Wide</p>
  <p style="overflow: hidden"><b style="padding-left: 2000px">Cut</b></p>
  <img src="gone.png" alt="gone"><img src="ELSEWHERE/here.svg" role="img" aria-label="named, but without alt">
  <p class="pale">Pale</p>
  <script>console.error("oh")</script></article></main></body></html>"""
ALWAYS = ["light, 1280 px", "dark, 1280 px", "dark, 360 px"]
AS_OPENED = ["light, 1280 px", "dark, 360 px"]


@pytest.fixture(scope="module")
def of_bad_page(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str]]:
    """What the sweep says of the bad page: kind, text and form."""
    site = tmp_path_factory.mktemp("bad")
    (site / "here.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    with serving(site) as address, serving(site) as elsewhere:
        (site / "index.html").write_text(BAD_PAGE.replace("ELSEWHERE/", elsewhere))
        found = sweep(chromium, address, [""], lambda line: None)
    return [
        (one.kind, one.text.replace(address, "HERE/").replace(elsewhere, "ELSEWHERE/"), str(one.form))
        for one in found
    ]


@pytest.mark.parametrize(
    ("kind", "text", "forms"),
    [
        ("console", "error: oh", AS_OPENED),
        ("request", "HERE/gone.png: 404", AS_OPENED),
        ("host", "ELSEWHERE/here.svg", AS_OPENED),
        ("width", "scrolls by", ["dark, 360 px"]),
        ("width", 'cannot be seen whole: <b style="padding-left', ALWAYS),
        ("image", "HERE/gone.png does not load", ALWAYS),
        ("alt", "ELSEWHERE/here.svg has no alt text", ALWAYS),
        ("theme", "is light", ["dark, 360 px"]),  # it does not take the theme of the system
        ("axe", "color-contrast .pale:", ["dark, 1280 px"]),
    ],
)
def test_the_sweep_finds_a_fault_wherever_it_shows(
    of_bad_page: list[tuple[str, str, str]], kind: str, text: str, forms: list[str]
) -> None:
    assert [form for of, words, form in of_bad_page if of == kind and words.startswith(text)] == forms
