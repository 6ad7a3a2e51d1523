"""What a reader does with a page works: search, copy, themes, tabs, the keyboard, paper, and no network."""

import re
from typing import Any

import pytest

from tests.browser.conftest import ROOT

CHAPTER = "chapters/1-hook-basics/"
EXERCISE = "exercises/05_ablation/in_the_weights/"
TABS = "reference/coming-from/"
ERRORS = "reference/errors/"


def scheme(page: Any) -> str:
    """The theme that a page is shown in."""
    return str(page.evaluate("document.body.dataset.mdColorScheme"))


def switch_theme(page: Any, to: str) -> None:
    """Press the visible button for the theme and wait until the page has it."""
    page.locator("form.md-header__option label:not([hidden])").click()
    page.wait_for_function(f"document.body.dataset.mdColorScheme === '{to}'")


def search(page: Any, query: str) -> Any:
    """Type into the search; its results."""
    page.keyboard.press("/")
    page.keyboard.type(query)
    page.locator(".md-search-result__link").first.wait_for()
    return page.locator(".md-search-result__link")


def code_of(name: str, number: int = 0) -> str:
    """A Python block of a page's source, as it stands there."""
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)[number]


@pytest.mark.parametrize(
    ("query", "leads_to"),
    [
        ("add_hooks", "reference/api/hooks/"),
        ("which only holds modules and is never called itself", ERRORS),
        ("UnfiredHookWarning", "#unfiredhookwarning"),
    ],
)
def test_the_search_finds_names_and_error_messages(page: Any, query: str, leads_to: str) -> None:
    page.goto(CHAPTER)
    results = search(page, query)
    first = [result.get_attribute("href") for result in results.all()[:3]]
    assert any(leads_to in str(link) for link in first), first


def test_the_first_result_of_the_search_is_opened_with_the_keyboard(page: Any) -> None:
    page.goto(CHAPTER)
    first = search(page, "cache_residual_streams").first.get_attribute("href").split("?")[0]
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: url.split("?")[0] == first)


def test_the_copy_button_copies_the_code_and_nothing_else(page: Any) -> None:
    page.goto(CHAPTER)
    code = page.locator(".language-python").first
    code.hover()
    code.locator("[data-md-type=copy]").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.length > 0)")
    assert page.evaluate("navigator.clipboard.readText()").rstrip("\n") == code_of(
        f"{CHAPTER[:-1]}.md"
    ).rstrip("\n")


def test_an_output_has_no_copy_button(page: Any) -> None:
    page.goto(CHAPTER)
    output = page.locator(".language-python + .language-text").first
    output.hover()
    assert output.locator("[data-md-type=copy]").is_hidden()


def test_the_theme_follows_the_button_on_this_page_and_the_next(page: Any) -> None:
    page.goto(CHAPTER)
    assert scheme(page) == "default"
    switch_theme(page, "slate")
    page.reload()
    assert scheme(page) == "slate"
    page.goto(TABS)
    assert scheme(page) == "slate"
    switch_theme(page, "default")
    page.reload()
    assert scheme(page) == "default"


def test_the_theme_is_switched_with_the_keyboard(page: Any) -> None:
    page.goto(CHAPTER)
    page.locator("#__palette_0").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")


def test_a_page_has_the_theme_of_the_system_before_the_late_script(page: Any) -> None:
    page.route("**/bundle.*.js", lambda route: route.abort())
    page.emulate_media(color_scheme="dark")
    page.goto(CHAPTER)
    assert scheme(page) == "slate"


def test_the_theme_follows_the_system_until_a_choice(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    page.goto(CHAPTER)
    assert scheme(page) == "slate"
    page.emulate_media(color_scheme="light")
    page.wait_for_function("document.body.dataset.mdColorScheme === 'default'")
    page.reload()
    assert scheme(page) == "default"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.body.dataset.mdColorScheme === 'slate'")
    page.emulate_media(color_scheme="light")
    page.wait_for_function("document.body.dataset.mdColorScheme === 'default'")
    switch_theme(page, "slate")
    page.emulate_media(color_scheme="dark")
    page.emulate_media(color_scheme="light")
    page.reload()
    assert scheme(page) == "slate"


def test_the_browser_knows_the_colours_of_the_page(page: Any) -> None:
    page.goto(CHAPTER)
    content = "(name) => document.querySelector(`meta[name=${name}]`).content"
    assert page.evaluate(content, "color-scheme") == "light"
    switch_theme(page, "slate")
    assert page.evaluate(content, "color-scheme") == "dark"
    header = page.evaluate("getComputedStyle(document.querySelector('.md-header')).backgroundColor")
    channels = "".join(f"{int(channel):02x}" for channel in re.findall(r"\d+", header))
    assert page.evaluate(content, "theme-color") == f"#{channels}"


def test_the_spans_that_code_has_lost_would_style_nothing(page: Any) -> None:
    page.goto(CHAPTER)
    colours = """() => [...document.querySelectorAll("pre > code")].map((code) => {
        code.innerHTML = ["n", "w"].map((name) => `<span class="${name}">x</span>`).join("");
        return [code, ...code.children].map((one) => getComputedStyle(one).color);
    })"""
    for theme in ("slate", "default"):
        switch_theme(page, theme)
        of_blocks = page.evaluate(colours)
        assert of_blocks
        assert all(len(set(of_block)) == 1 for of_block in of_blocks)


def test_tabs_are_changed_with_the_arrow_keys_on_the_whole_page(page: Any) -> None:
    page.goto(TABS)
    first, second = (page.locator(".tabbed-set").nth(number) for number in (0, 1))
    first.locator("input").first.focus()
    page.keyboard.press("ArrowRight")
    for tabs in (first, second):  # content.tabs.link
        tabs.locator(".tabbed-block").nth(1).wait_for(state="visible")
        assert tabs.locator(".tabbed-block").nth(0).is_hidden()


def test_the_first_stop_of_the_keyboard_skips_to_the_content(page: Any) -> None:
    page.goto(CHAPTER)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('.md-skip')")
    page.keyboard.press("Enter")
    page.wait_for_function("location.hash.length > 1")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('article') !== null")


def test_code_that_scrolls_is_a_stop_of_the_keyboard_before_it_is_seen(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto(CHAPTER)
    page.evaluate("document.querySelectorAll('details').forEach((details) => { details.open = true; })")
    wrong = """() => [...document.querySelectorAll("pre > code")].filter(
        (code) => (code.scrollWidth > code.clientWidth) !== (code.tabIndex === 0)).length"""
    page.wait_for_function(f"({wrong})() === 0")
    assert page.locator("pre > code[tabindex='0']").count() > 5


def test_a_wide_table_on_a_phone_is_reached_and_scrolled_with_the_keyboard(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("reference/atlas/")
    table = page.locator(".md-typeset__scrollwrap[tabindex='0']").first
    table.scroll_into_view_if_needed()
    table.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.activeElement.scrollLeft > 0")


def test_on_paper_there_is_the_page_alone_with_all_its_code_and_answers(page: Any) -> None:
    page.goto(EXERCISE)
    hidden = page.locator("details .highlight").last
    assert hidden.is_hidden()
    page.emulate_media(media="print")
    for part in (".md-header", ".md-sidebar--primary", ".md-sidebar--secondary", ".md-footer", ".md-top"):
        assert page.locator(part).first.is_hidden(), part
    assert page.locator("article h1").is_visible()
    assert hidden.is_visible()
    blocks = page.locator("pre > code")
    assert not blocks.evaluate_all(
        "(all) => all.filter((code) => code.scrollWidth > code.clientWidth + 1).length"
    )


def test_an_open_page_goes_on_without_the_network(page: Any) -> None:
    with page.expect_response("**/search_index.json") as index:
        page.goto(TABS, wait_until="networkidle")
    index.value.finished()
    page.context.set_offline(True)
    failed: list[str] = []
    page.on("requestfailed", lambda request: failed.append(request.url))
    assert search(page, "add_hooks").count() > 0
    page.keyboard.press("Escape")
    switch_theme(page, "slate")
    page.locator(".tabbed-set").first.locator("label").nth(2).click()
    page.locator(".tabbed-set").first.locator(".tabbed-block").nth(2).wait_for(state="visible")
    page.locator(".md-sidebar--secondary a.md-nav__link").last.click()
    page.wait_for_function("location.hash.length > 1")
    assert [url for url in failed if not url.endswith("favicon.png")] == []  # the browser asks for that again
