"""Fixtures of the browser tests: the site as it is published, a browser, and a page in it.

Debian's headless shell of Chromium, its Chromium, or the one that $CHROMIUM names, and Playwright are needed.
Where one is missing the tests are skipped, unless $REQUIRE_BROWSER is set: then they fail.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from tests import ROOT as ROOT
from tools.site.site_server import build, find_chromium, serving

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in its own
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of the processes of `pytest --numprocesses`, one sweeps the pages, and one does the rest."""
    for item in items:
        if item.path.is_relative_to(HERE):
            group = "sweep" if item.path.stem == "test_every_page" else "browser"
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def site(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the built site: one for all processes of `pytest --numprocesses`."""
    folder = tmp_path_factory.getbasetemp()
    folder = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    built, done = folder / "built-site", folder / "built-site.done"
    with FileLock(folder / "built-site.lock"):
        if not done.exists():
            build(built, "http://127.0.0.1/book/")
            done.touch()
    return built


@pytest.fixture(scope="session")
def address(site: Path) -> Iterator[str]:
    """Where the site is served: below /book/, so that a link from the root leads nowhere."""
    with serving(site) as address:
        yield address


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """One browser for all tests."""
    missing = pytest.fail if os.environ.get("REQUIRE_BROWSER") else pytest.skip
    # The shell draws no window: half the work.
    program = find_chromium("chromium-headless-shell")
    if program is None:
        missing("no Chromium: apt install chromium-headless-shell or chromium, or name one in $CHROMIUM")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no Playwright: pip install playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
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
