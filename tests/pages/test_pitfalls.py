"""The museum of chapter 7: every exhibit is whole, its wrong code is run, and the index leads to it.

That the wrong code is still wrong is proved by the pages themselves, whose outputs are compared exactly.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests import ROOT
from tools.pages.page import Block, read_page
from tools.reference.anchors import anchor_of

FOLDER = ROOT / "docs" / "chapters" / "7-pitfalls"
PARTS = ["Symptom", "Wrong", "Why", "Right", "Notice it"]
AT_THE_END = ["Summary", "Questions"]

# The pitfalls that this project set out to show, and the exhibits that show them.
ASKED_FOR = {
    "seed 1: a block's input is the residual stream": ["a-copy-that-was-normalised-is-not-the-stream"],
    "seed 2: tuple inputs": ["args-is-a-tuple", "output0-is-a-row-of-the-batch"],
    "seed 3: accumulating hooks": ["hooks-add-up"],
    "seed 4: shared tensors": ["an-edit-in-place"],
    "1 block outputs differ": ["output0-is-a-row-of-the-batch"],
    "2 the last hidden state": ["hidden_states-1-is-not-the-stream"],
    "3 output_hidden_states": ["output_hidden_states-does-not-show-your-edit", "hidden_states-is-empty"],
    "4 keyword arguments": ["keyword-arguments-are-not-shown"],
    "5 attention weights": ["attentions-is-empty"],
    "6 dtypes": ["a-float32-vector-in-a-bfloat16-model"],
    "7 generation": [
        "position-5-does-not-exist-in-the-second-call",
        "position-1-is-every-new-token",
        "the-first-call-is-not-the-prompt",
        "only-the-last-call-is-kept",
        "beams-multiply-the-rows",
    ],
    "8 padding": ["position-0-is-padding", "a-plain-call-does-not-count-the-padding"],
    "9 memory and gradients": [
        "a-slice-keeps-the-whole",
        "a-capture-holds-the-graph",
        "captured-under-inference_mode",
        "clone-is-not-detach-detach-is-not-clone",
    ],
    "10 exceptions and copies": ["an-error-leaves-the-hook-on", "a-copy-takes-the-hooks-along"],
    "11 torch.compile": ["a-compiled-model-does-not-see-new-hooks"],
    "12 gradient checkpointing": ["checkpointing-runs-hooks-twice"],
    "13 ablation at block inputs": ["the-direction-comes-back"],
    "14 the algebra of the stream": [
        "the-parts-do-not-add-up",
        "hidden_statesi-is-another-layer",
        "the-stream-has-four-dimensions",
        "a-block-that-runs-many-times",
    ],
    "15 wrappers, experts, offload": [
        "the-blocks-are-somewhere-else",
        "there-is-no-expert-to-hook",
        "the-weights-are-not-there-yet",
    ],
    "a bare tensor": ["a-bare-tensor-drops-the-other-arguments"],
    "returned by accident": ["a-hook-that-returns-something-by-accident"],
    "module.forward": ["moduleforward-skips-hooks"],
    "containers": ["a-container-is-never-called"],
}


@dataclass(frozen=True)
class Exhibit:
    page: Path
    heading: str
    first: int
    lines: list[str]

    @property
    def link(self) -> str:
        return f"{self.page.name}#{anchor_of(self.heading)}"

    def part(self, name: str) -> range:
        """The lines of the page that belong to one part."""
        starts = {n: i for i, line in enumerate(self.lines) for n in PARTS if line.startswith(f"**{n}.**")}
        end = min([i for i in starts.values() if i > starts[name]], default=len(self.lines))
        return range(self.first + starts[name], self.first + end)


def exhibits() -> list[Exhibit]:
    found = []
    for page in sorted(FOLDER.glob("[1-9]*.md")):
        lines = page.read_text(encoding="utf-8").split("\n")
        starts = [i for i, line in enumerate(lines) if line.startswith("## ")] + [len(lines)]
        for start, end in pairwise(starts):
            heading = lines[start].removeprefix("## ")
            if heading not in AT_THE_END:
                found.append(Exhibit(page, heading, start + 1, lines[start:end]))
    return found


EXHIBITS = exhibits()
LINKS = re.findall(r"\]\(([^)]+\.md#[^)]+)\)", (FOLDER / "index.md").read_text(encoding="utf-8"))


def blocks_in(exhibit: Exhibit, name: str) -> list[Block]:
    return [block for block in read_page(exhibit.page, ROOT).blocks if block.line in exhibit.part(name)]


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.link)
def test_an_exhibit_has_its_five_parts_in_order(exhibit: Exhibit) -> None:
    found = [name for line in exhibit.lines for name in PARTS if line.startswith(f"**{name}.**")]
    assert found == PARTS


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.link)
def test_the_wrong_code_is_run_and_what_it_prints_is_compared(exhibit: Exhibit) -> None:
    wrong = blocks_in(exhibit, "Wrong")
    assert any(block.output or block.marks.raises for block in wrong)
    assert not any(block.marks.skip or block.marks.skipif or block.marks.output_varies for block in wrong)


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda exhibit: exhibit.link)
def test_an_exhibit_is_found_by_its_symptom(exhibit: Exhibit) -> None:
    assert exhibit.link in LINKS


def test_every_link_of_the_index_leads_to_an_exhibit() -> None:
    assert set(LINKS) == {exhibit.link for exhibit in EXHIBITS}


@pytest.mark.parametrize("pitfall", ASKED_FOR)
def test_every_pitfall_that_was_asked_for_is_shown(pitfall: str) -> None:
    assert set(ASKED_FOR[pitfall]) <= {anchor_of(exhibit.heading) for exhibit in EXHIBITS}
