"""The explorer of chapter 4 shows what the library computes, and its plain tables show the same."""

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tools.pages.page import read_page
from tools.pictures import explorer
from tools.pictures.explorer_data import COEFFICIENTS, explorer_data

pytestmark = pytest.mark.xdist_group("explorer")  # the data is computed once

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def computed() -> dict[str, Any]:
    return explorer_data()


@pytest.fixture
def docs(tmp_path: Path, computed: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the files that the tool writes, with data that are not computed anew for each test."""
    for name in (explorer.PAGE, explorer.DATA):
        (tmp_path / "docs" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(DOCS / name, tmp_path / "docs" / name)
    monkeypatch.setattr(explorer, "explorer_data", lambda: copy.deepcopy(computed))
    return tmp_path / "docs"


def test_the_committed_data_are_what_the_library_computes(computed: dict[str, Any]) -> None:
    committed = json.loads((DOCS / explorer.DATA).read_text(encoding="utf-8"))
    assert explorer.agree(committed, computed)
    page = (DOCS / explorer.PAGE).read_text(encoding="utf-8")
    assert f"\n\n{explorer.part(committed)}\n\n" in page, "mend with: python -m tools.pictures.explorer"


def test_what_the_page_says_of_the_explorer_is_in_its_data(computed: dict[str, Any]) -> None:
    said = {
        (prompt["answer"], n, coefficient): run["says"]
        for prompt in computed["prompts"]
        for n, vector in enumerate(prompt["vectors"])
        for coefficient, run in zip(COEFFICIENTS, vector["runs"], strict=True)
    }
    assert [said["Tokyo", 0, c] for c in (0.0, 1.0, 3.0)] == ["Tokyo.", "Paris.", "Athens."]
    assert {said["Tokyo", 1, c] for c in COEFFICIENTS if c >= 1.5} == {"Athens."}
    assert {said["Tokyo", 1, c] for c in COEFFICIENTS if c < 1.5} == {"Tokyo."}
    assert {said["Nairobi", 0, c] for c in COEFFICIENTS if 0 <= c <= 2} == {"Nairobi."}


def test_the_untouched_streams_of_the_explorer_are_those_of_the_page(computed: dict[str, Any]) -> None:
    """A block of the chapter prints the norms of the first token, which are the same in every text."""
    blocks = read_page(DOCS / explorer.PAGE, DOCS.parent).blocks
    (block,) = [each for each in blocks if "first token, by layer" in each.fence.body]
    assert block.output is not None
    for prompt in computed["prompts"]:
        untouched = prompt["vectors"][0]["runs"][COEFFICIENTS.index(0.0)]["cells"]
        norms = [row[0][0] / 10 for row in untouched]
        assert f"first token, by layer: {norms}" in block.output.body


def test_a_vector_changes_nothing_before_its_layer_or_its_position(computed: dict[str, Any]) -> None:
    for prompt in computed["prompts"]:
        first = min(prompt["positions"] or [0])
        for vector in prompt["vectors"]:
            untouched = vector["runs"][COEFFICIENTS.index(0.0)]["cells"]
            for coefficient, run in zip(COEFFICIENTS, vector["runs"], strict=True):
                assert run["cells"][: prompt["layer"]] == untouched[: prompt["layer"]]
                assert [row[:first] for row in run["cells"]] == [row[:first] for row in untouched]
                assert (run["cells"][prompt["layer"]] == untouched[prompt["layer"]]) == (coefficient == 0)


def test_the_explorer_is_less_than_300_kilobytes() -> None:
    files = [DOCS / "assets" / name for name in ("explorer.js", "explorer.json", "extra.css")]
    assert sum(file.stat().st_size for file in files) < 300_000


def test_current_files_are_left_alone_and_stale_ones_are_named_and_mended(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--docs", str(docs)]
    assert explorer.main([*arguments, "--check"]) == 0, capsys.readouterr().out
    for name, old, new in (
        (explorer.DATA, '"says":"Paris."', '"says":"Rome."'),
        (explorer.PAGE, "| Paris. | Paris. | Athens. |", "| Paris. | Paris. | Paris. |"),
    ):
        file = docs / name
        before = file.read_text(encoding="utf-8")
        assert old in before
        file.write_text(before.replace(old, new), encoding="utf-8")
        assert explorer.main([*arguments, "--check"]) == 1
        assert f"stale: docs/{name}" in capsys.readouterr().out
        assert explorer.main(arguments) == 0
        # The check allows a last digit, which depends on the CPU and on the number of threads.
        assert explorer.main([*arguments, "--check"]) == 0, capsys.readouterr().out
        assert old in file.read_text(encoding="utf-8")


def _cell(data: dict[str, Any]) -> list[int]:
    cell: list[int] = data["prompts"][0]["vectors"][0]["runs"][6]["cells"][4][5]
    return cell


def _move(place: int, by: int) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        _cell(data)[place] += by

    return change


def _swap(data: dict[str, Any]) -> None:
    cell = _cell(data)
    cell[2], cell[4] = cell[4], cell[2]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (_move(0, 1), True),  # the last digit of a norm
        (_move(3, -1), True),  # the last digit of a probability
        (_move(0, 2), False),
        (_move(1, 2), False),
        (_move(3, -2), False),
        (_swap, False),  # words that are not equally likely
        (lambda data: data["prompts"][0]["vectors"][0]["runs"].pop(), False),
        (lambda data: data["prompts"][0].update(layer=2), False),
        (lambda data: data["coefficients"].pop(), False),
    ],
)
def test_data_agree_up_to_the_last_digit_only(
    computed: dict[str, Any], change: Callable[[dict[str, Any]], None], same: bool
) -> None:
    other = copy.deepcopy(computed)
    change(other)
    assert explorer.agree(computed, other) == same


def test_words_that_are_equally_likely_may_change_places(computed: dict[str, Any]) -> None:
    one, other = copy.deepcopy(computed), copy.deepcopy(computed)
    for data in (one, other):
        cell = _cell(data)
        cell[5] = cell[3]
    _swap(other)
    assert explorer.agree(one, other)
