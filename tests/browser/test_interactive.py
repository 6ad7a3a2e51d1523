"""The explorer and the questions with choices work with the keyboard, and without JavaScript or data."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import ROOT

CHAPTER = "chapters/4-residual-stream/"
DATA = json.loads((ROOT / "docs/assets/explorer.json").read_text(encoding="utf-8"))


@pytest.fixture
def explorer(page: Any) -> Any:
    page.goto(CHAPTER)
    page.locator(".explorer-grid td").first.wait_for()
    return page.locator(".explorer")


@pytest.fixture
def plain_page(chromium: Any, address: str) -> Iterator[Any]:
    """A page in a browser that runs no JavaScript."""
    context = chromium.new_context(base_url=address, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_the_grid_shows_the_words_of_the_data_the_last_stream_on_top(explorer: Any) -> None:
    prompt = DATA["prompts"][0]
    cells = prompt["vectors"][0]["runs"][DATA["coefficients"].index(0)]["cells"]
    shown = [text.split("\n")[0] for text in explorer.locator(".explorer-grid td").all_inner_texts()]
    assert shown == [DATA["words"][cell[2]] for row in reversed(cells) for cell in row]


def test_arrow_keys_go_from_cell_to_cell_and_tab_leaves_the_grid(page: Any, explorer: Any) -> None:
    explorer.locator("td[tabindex='0']").focus()
    about = explorer.locator(".explorer-cell")
    last = len(DATA["prompts"][0]["tokens"]) - 1
    assert f"Stream 4, position {last} (is)" in about.inner_text()
    for key, place in (
        ("ArrowDown", f"Stream 3, position {last} (is)"),
        ("ArrowLeft", f"Stream 3, position {last - 1} (Japan)"),
        ("Home", "Stream 3, position 0"),
        ("ArrowLeft", "Stream 3, position 0"),  # no further
        ("ArrowUp", "Stream 4, position 0"),
        ("End", f"Stream 4, position {last} (is)"),
    ):
        page.keyboard.press(key)
        assert place in about.inner_text()
    assert explorer.locator("td[tabindex='0']").count() == 1
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.explorer-grid') === null")


def test_the_coefficient_is_moved_with_the_keyboard_and_the_answer_follows(page: Any, explorer: Any) -> None:
    explorer.locator("input[type=range]").focus()
    says, runs = explorer.locator(".explorer-says"), DATA["prompts"][0]["vectors"][0]["runs"]
    place = DATA["coefficients"].index(0)
    assert says.inner_text() == f"Untouched, the model goes on: {runs[place]['says']}"
    while place < len(runs) - 1:
        place += 1
        page.keyboard.press("ArrowRight")
        assert says.inner_text().endswith(f"The model goes on: {runs[place]['says']}")
    assert explorer.locator("input[type=range]").get_attribute("aria-valuetext") == "+3"
    assert explorer.locator("td.edited").count() == 1


def test_the_prompt_the_vector_and_what_is_shown_are_chosen_with_the_keyboard(
    page: Any, explorer: Any
) -> None:
    explorer.locator("select").focus()
    page.keyboard.press("End")
    last = DATA["prompts"][-1]
    assert explorer.locator("tbody tr").first.locator("td").count() == len(last["tokens"])
    explorer.locator("fieldset").nth(0).locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    explorer.locator("input[type=range]").focus()
    page.keyboard.press("Home")
    assert (
        f"−2 times the vector {last['vectors'][1]['name']}" in explorer.locator(".explorer-says").inner_text()
    )
    assert explorer.locator("td.edited").count() == len(last["tokens"])  # at every position
    explorer.locator("fieldset").nth(1).locator("input").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    cell = last["vectors"][1]["runs"][0]["cells"][-1][0]
    assert explorer.locator("td").first.inner_text() == f"{cell[0] / 10:.1f}"


def test_without_javascript_there_are_plain_tables_and_answers_to_unfold(plain_page: Any) -> None:
    plain_page.goto(CHAPTER)
    assert plain_page.locator(".explorer table").count() == 3
    assert "Paris." in plain_page.locator(".explorer table").nth(2).inner_text()
    question = plain_page.locator(".admonition.question").first
    assert question.locator("> ul > li").count() >= 2
    question.locator("summary").click()
    assert question.locator("details ul strong").is_visible()


def test_without_its_data_the_explorer_leaves_the_plain_tables(page: Any) -> None:
    page.route("**/explorer.json", lambda route: route.abort())
    with page.expect_console_message(lambda message: "keeps its plain tables" in message.text):
        page.goto(CHAPTER)
    assert page.locator(".explorer table").count() == 3
    assert page.locator(".explorer table").first.is_visible()


def test_a_question_is_answered_with_the_keyboard_and_says_why(page: Any) -> None:
    page.goto(CHAPTER)
    question = page.locator(".admonition.question").last
    feedback, answer = question.locator("[role=status]"), question.locator("details")
    question.locator("button[type=submit]").focus()
    page.keyboard.press("Enter")
    assert feedback.inner_text() == "Choose one first."
    question.locator("input").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert feedback.inner_text().startswith("Not so. [3]: block 2 has attention")
    assert answer.get_attribute("open") is None
    page.keyboard.press("ArrowDown")
    assert feedback.inner_text() == ""
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert feedback.inner_text().startswith("Right. [3, 4, 5]: the position itself")
    assert answer.get_attribute("open") is not None
    assert question.locator("fieldset").get_attribute("aria-labelledby") == question.locator(
        ".admonition-title"
    ).get_attribute("id")
