"""Fixtures of the browser tests: the site as it is published, a browser, and a page in it.

Debian's Chromium, or the one that $CHROMIUM names, and Playwright are needed. Where one is missing the tests
are skipped, unless $REQUIRE_BROWSER is set: then they fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.site.site_server import build, find_chromium, serving

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process of `pytest --numprocesses` runs all of these tests, so the site is built once."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site."""
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="session")
def address(site: Path, chromium: Any) -> Iterator[str]:
    """Where the site is served once it is built: below /book/, so that a link from the root leads nowhere."""
    with serving(site) as address:
        build(site, address)
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    missing = pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip
    program = find_chromium()
    if program is None:
        missing("no Chromium: apt install chromium, or name one in $CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no Playwright: pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """A page of its own for each test, in the light theme, with the clipboard at hand."""
    context = chromium.new_context(
        base_url=address,
        color_scheme="light",
        permissions=["clipboard-read", "clipboard-write"],
        reduced_motion="reduce",
        viewport={"width": 1280, "height": 800},
    )
    context.set_default_timeout(60_000)  # a busy machine is slow, and not wrong
    yield context.new_page()
    context.close()
