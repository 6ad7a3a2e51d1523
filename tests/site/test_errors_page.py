"""The page of errors lists what the library says, and its remedies are for messages that exist."""

import shutil
import textwrap
from pathlib import Path

import pytest
import torch

from tests import ROOT
from tools.reference import errors_page, messages
from tutorial_lib import add_hooks, add_vector_to_residual_stream, find_blocks, get_residual_stream_at_layer

PAGE = ROOT / "docs" / "reference" / "errors.md"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """A copy of what the tool reads and writes."""
    shutil.copytree(ROOT / "docs" / "reference", tmp_path / "docs" / "reference")
    return tmp_path / "docs"


def collected(source: str) -> list[tuple[str, str]]:
    reader = messages.Reader()
    reader.visit(messages.ast.parse(textwrap.dedent(source)))
    return [(kind, text) for kind, text, _ in reader.said]


def test_the_committed_page_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    stale = errors_page.main(["--check"])
    assert not stale, "".join(capsys.readouterr())


def test_a_list_that_was_edited_by_hand_is_stale_and_written_anew(
    docs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = docs / "reference" / "errors.md"
    before = page.read_text(encoding="utf-8")
    page.write_text(before.replace("edits must be", "edits may be"), encoding="utf-8")
    assert errors_page.main(["--check", "--docs", str(docs)]) == 1
    assert "stale: docs/reference/errors.md" in capsys.readouterr().out
    assert errors_page.main(["--docs", str(docs)]) == 0
    assert page.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("said", "not_said"),
    [
        ("these hooks never ran", "these hooks did not run"),  # by the library
        ("tuple index out of range", "list index out of range"),  # by PyTorch, in a block of the page
    ],
)
def test_a_remedy_for_what_nothing_says_is_an_error(
    docs: Path, capsys: pytest.CaptureFixture[str], said: str, not_said: str
) -> None:
    page = docs / "reference" / "errors.md"
    text = page.read_text(encoding="utf-8").replace(f"### `{said}`", f"### `{not_said}`")
    page.write_text(text, encoding="utf-8")
    assert errors_page.main(["--check", "--docs", str(docs)]) == 1
    assert f"no message says `{not_said}`" in capsys.readouterr().err


def test_what_the_library_really_says_is_on_the_page(llama: torch.nn.Module) -> None:
    """The messages of some mistakes, as they come up, are found in the list."""
    ids = torch.ones(1, 3, dtype=torch.long)
    mistakes = [
        lambda: get_residual_stream_at_layer(llama, 9, ids),
        lambda: get_residual_stream_at_layer(llama, 0, ids[0]),
        lambda: get_residual_stream_at_layer(llama, 0, {"input_ids": ids}),
        lambda: get_residual_stream_at_layer(llama, 0, ids, positions=7),
        lambda: add_vector_to_residual_stream(llama, 0, torch.ones(3)),
        lambda: add_vector_to_residual_stream(llama, 0, torch.zeros(find_blocks(llama)[0].hidden_size)),
        lambda: add_hooks([(find_blocks(llama), print)]),
        lambda: add_hooks((find_blocks(llama)[0], print)),
    ]
    page = PAGE.read_text(encoding="utf-8")
    known = errors_page.library_messages()
    for mistake in mistakes:
        with pytest.raises((ValueError, TypeError)) as caught:
            mistake()
        said = " ".join(str(caught.value).split())
        kind = type(caught.value).__name__
        fitting = [m for m in known if m.kind == kind and messages.says(m.text, said)]
        assert any(f"- {kind}: `{message.text}` [What to do]" in page for message in fitting), said


def test_messages_are_read_from_all_the_ways_in_which_they_are_written() -> None:
    assert collected(
        """
        import warnings

        def f(x):
            raise ValueError(f"x must be {x!r}" " or " + "more")

        def g():
            text = f"no {1}{2} here"
            raise KeyError(text) from None

        def h():
            warnings.warn("old", DeprecationWarning, stacklevel=2)
            warnings.warn(told(3), errors.LoudWarning)

        def told(n):
            return "told\\n  " + str(n) + " times"

        def i():
            raise made(1)

        def made(n):
            return TypeError("made: " f"{n}")

        def j(error):
            raise error
        """
    ) == [
        ("ValueError", "x must be … or more"),
        ("KeyError", "no … here"),
        ("DeprecationWarning", "old"),
        ("LoudWarning", "told … times"),
        ("TypeError", "made: …"),
    ]


def test_words_are_found_in_a_message_and_in_one_whose_gaps_are_filled() -> None:
    assert messages.says("layer … is out of range", "is out of range")
    assert messages.says("layer … is out of range", "layer 9 is out of range")
    assert not messages.says("layer … is out of range", "row 9 is out of range")
