"""Selections of tokens: what each maker selects, how they combine, what they show and what they refuse."""

import pytest
import torch
from transformers import PreTrainedTokenizerFast

from tutorial_lib import (
    TokenSelection,
    select_all,
    select_at,
    select_generated,
    select_last,
    select_mask,
    select_prompt,
    select_rows,
    select_text,
    show_selection,
)
from tutorial_lib.tokens.selection import describe_generated
from tutorial_lib.tokens.text import token_spans

# Two prompts of 3 and 5 tokens, padded (0) on either side.
LEFT = torch.tensor([[0, 0, 11, 12, 13], [21, 22, 23, 24, 25]])
RIGHT = torch.tensor([[11, 12, 13, 0, 0], [21, 22, 23, 24, 25]])
both_sides = pytest.mark.parametrize("ids", [LEFT, RIGHT], ids=["left", "right"])


def batch_of(ids):
    return {"input_ids": ids, "attention_mask": (ids != 0).long()}


def chosen(selection):
    """The selected token ids of each prompt, and the selected ones among the first five generated tokens."""
    prompts = [
        ids[mask].tolist() for ids, mask in zip(selection.input_ids, selection.prompt_mask, strict=True)
    ]
    generated = selection.mask(selection.input_ids.shape[1], 5)
    return prompts, [row.nonzero()[:, 0].tolist() for row in generated]


PROMPTS = [[11, 12, 13], [21, 22, 23, 24, 25]]
FIVE = [0, 1, 2, 3, 4]


@both_sides
@pytest.mark.parametrize(
    ("make", "prompts", "generated"),
    [
        (select_all, PROMPTS, [FIVE, FIVE]),
        (select_prompt, PROMPTS, [[], []]),
        (select_generated, [[], []], [FIVE, FIVE]),
        (lambda b: select_generated(b, 1), [[], []], [[1], [1]]),
        (lambda b: select_generated(b, [0, 3]), [[], []], [[0, 3], [0, 3]]),
        (lambda b: select_generated(b, slice(2, None)), [[], []], [[2, 3, 4], [2, 3, 4]]),
        (lambda b: select_generated(b, slice(0, 4, 2)), [[], []], [[0, 2], [0, 2]]),
        (lambda b: select_generated(b, slice(3, 1)), [[], []], [[], []]),
        (lambda b: select_generated(b, []), [[], []], [[], []]),
        (lambda b: select_generated(b, with_last_prompt_token=True), [[13], [25]], [FIVE, FIVE]),
        (select_last, [[13], [25]], [[], []]),
        (lambda b: select_at(b, 0), [[11], [21]], [[], []]),
        (lambda b: select_at(b, [1, -1]), [[12, 13], [22, 25]], [[], []]),
        (lambda b: select_at(b, slice(1, None)), [[12, 13], [22, 23, 24, 25]], [[], []]),
        (lambda b: select_at(b, torch.tensor([0, 2])), [[11, 13], [21, 23]], [[], []]),
        (lambda b: select_at(b, range(2)), [[11, 12], [21, 22]], [[], []]),
        (lambda b: select_at(b, [[0], [-1, 3]]), [[11], [24, 25]], [[], []]),
        (lambda b: select_at(b, [[], slice(3, None)]), [[], [24, 25]], [[], []]),
        (lambda b: select_at(b, [2, [0]]), [[13], [21]], [[], []]),
        (lambda b: select_at(b, torch.tensor([[0, 1], [3, 4]])), [[11, 12], [24, 25]], [[], []]),
        (lambda b: select_at(b, []), [[], []], [[], []]),
        (lambda b: select_rows(b, 0), [PROMPTS[0], []], [FIVE, []]),
        (lambda b: select_rows(b, [-1]), [[], PROMPTS[1]], [[], FIVE]),
        (lambda b: select_rows(b, slice(0, 2)), PROMPTS, [FIVE, FIVE]),
        (lambda b: select_mask(b, b["input_ids"] != 12), [[11, 13], PROMPTS[1]], [[], []]),
    ],
)
def test_each_maker_selects_what_it_says_on_either_side_of_the_padding(ids, make, prompts, generated):
    assert chosen(make(batch_of(ids))) == (prompts, generated)


@both_sides
def test_selections_combine_as_sets_and_never_take_the_padding(ids):
    batch = batch_of(ids)
    some = select_generated(batch, slice(1, 3))
    assert chosen(~select_last(batch)) == ([[11, 12], [21, 22, 23, 24]], [FIVE, FIVE])
    assert chosen(~some) == (PROMPTS, [[0, 3, 4]] * 2)
    assert chosen(some | select_last(batch)) == ([[13], [25]], [[1, 2]] * 2)
    assert chosen(some & select_generated(batch, slice(2, None))) == ([[], []], [[2], [2]])
    assert chosen(~some & select_rows(batch, 1)) == ([[], PROMPTS[1]], [[], [0, 3, 4]])
    assert chosen(~~some) == chosen(some)
    assert chosen(~(some | select_prompt(batch))) == chosen(~some & ~select_prompt(batch))


def test_a_mask_of_any_columns_agrees_with_the_mask_of_all():
    selection = select_at(batch_of(LEFT), [0, -1]) | select_generated(batch_of(LEFT), [0, 3])
    whole = selection.mask(0, 12)
    assert whole.shape == (2, 12)
    for start in range(12):
        for length in range(12 - start):
            assert torch.equal(selection.mask(start, length), whole[:, start : start + length])


def test_a_selection_keeps_copies_and_leaves_what_it_was_given():
    ids, mask, wanted = LEFT.clone(), (LEFT != 0).long(), LEFT == 12
    selection = select_mask(ids, wanted, attention_mask=mask)
    ids.zero_(), mask.zero_(), wanted.fill_(True)
    assert chosen(selection) == ([[12], []], [[], []])
    combined = ~selection
    combined.generated_mask.zero_()
    assert chosen(~selection)[1] == [FIVE, FIVE]
    with pytest.raises(AttributeError):
        selection.prompt_mask = wanted


def test_masks_that_are_given_are_copied_and_no_row_shares_its_mask_with_another():
    selection = select_generated(LEFT, 1)
    prompt, generated = LEFT > 12, torch.ones(2, 3, dtype=torch.bool)
    other = selection.with_masks(prompt, generated)
    prompt.zero_(), generated.zero_()
    assert chosen(other) == ([[13], PROMPTS[1]], [FIVE, FIVE])
    selection.generated_mask[0] = False
    assert chosen(selection)[1] == [[], [1]]


@pytest.mark.parametrize(
    ("which", "columns"), [(None, 1), ([], 1), (0, 2), ([0, 3], 5), (slice(2, None), 3), (slice(1, 4), 5)]
)
def test_a_mask_of_generated_tokens_ends_with_one_column_for_all_after_the_last_that_is_named(which, columns):
    assert select_generated(LEFT, which).generated_mask.shape == (2, columns)


def test_selections_of_different_batches_do_not_combine():
    one = select_last(batch_of(LEFT))
    for other in (batch_of(RIGHT), batch_of(LEFT[:, 2:]), LEFT):
        with pytest.raises(ValueError, match="were made for the same batch"):
            one | select_last(other)
    with pytest.raises(TypeError):
        one | 3


def test_ids_alone_have_no_padding_and_a_mask_may_come_with_them():
    assert chosen(select_at(LEFT, 0))[0] == [[0], [21]]
    assert chosen(select_at(LEFT, 0, attention_mask=LEFT != 0))[0] == [[11], [21]]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: select_all([[1, 2]]), TypeError, r"what the tokenizer returned.*got list"),
        (lambda: select_all({"input_ids": [[1]]}), TypeError, r"return_tensors=\"pt\""),
        (lambda: select_all(torch.ones(1, 2)), TypeError, "got torch.float32"),
        (lambda: select_all(LEFT[0]), ValueError, r"\[batch, seq\], got \(5,\); input_ids\[None\]"),
        (lambda: select_all(LEFT[:0]), ValueError, r"got \(0, 5\)"),
        (lambda: select_all(LEFT, attention_mask=LEFT[:1]), ValueError, r"\(2, 5\), got \(1, 5\)"),
        (lambda: select_all(LEFT, attention_mask=LEFT), ValueError, "1 at tokens and 0 at padding"),
        (lambda: select_all(batch_of(LEFT), attention_mask=LEFT), TypeError, "has its own"),
        (lambda: select_all(batch_of(LEFT * (LEFT > 20))), ValueError, "row 0 of the batch is all padding"),
        (
            lambda: select_at(batch_of(LEFT), 3),
            ValueError,
            "position 3 .*: row 0 has 3 tokens .* -3 to 2 are",
        ),
        (lambda: select_at(batch_of(RIGHT), [[0], [-6]]), ValueError, "position -6 .*: row 1 has 5 tokens"),
        (lambda: select_at(LEFT, [[0]]), ValueError, "for 1 rows, but the batch has 2"),
        (lambda: select_at(LEFT, 1.5), TypeError, "got 1.5"),
        (lambda: select_at(LEFT, [[0], [True]]), TypeError, "got True"),
        (lambda: select_at(LEFT, "01"), TypeError, "got '01'"),
        (
            lambda: select_rows(LEFT, 2),
            ValueError,
            "row 2 is out of range: the batch has 2 rows, use -2 to 1",
        ),
        (lambda: select_rows(LEFT, [0.0]), TypeError, "got 0.0"),
        (lambda: select_generated(LEFT, -1), ValueError, "counted from 0, got -1"),
        (lambda: select_generated(LEFT, slice(-2, None)), ValueError, r"slice\(-2, None, None\) needs"),
        (lambda: select_generated(LEFT, slice(None, None, 2)), ValueError, "with a step, an end"),
        (lambda: select_generated(LEFT, "all"), TypeError, "got 'all'"),
        (lambda: select_mask(LEFT, LEFT), TypeError, "tensor of bool, got torch.int64"),
        (lambda: select_mask(LEFT, LEFT[:1] == 0), ValueError, r"\(2, 5\), got \(1, 5\)"),
    ],
)
def test_what_cannot_be_selected_is_named_with_what_can(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("which", "text"),
    [(None, "all"), ([], "none"), ([0, 2], "0, 2"), (slice(3, None), "from 3 on"), (slice(1, 3), "1, 2")],
)
def test_generated_tokens_are_described_in_words(which, text):
    selection = select_generated(LEFT, which)
    assert describe_generated(selection.generated_mask[0]) == text
    assert repr(selection) == f"TokenSelection(0 of 10 prompt tokens in 2 rows; generated tokens: {text})"
    one = selection & select_rows(LEFT, 0)
    assert text == "none" or repr(one).endswith("different ones in each row)")


# The rest needs a tokenizer.


@pytest.fixture
def words(loaded_box):
    tokenizer = loaded_box[1]
    texts = ["The capital of France is", "In Peru, most people in Peru speak"]
    return tokenizer, tokenizer(texts, return_tensors="pt", padding=True)


class Slow:
    """A tokenizer of bytes that knows no offsets; a character can take several tokens."""

    def decode(self, ids, **settings):
        return bytes(ids).decode("utf-8", errors="replace")


def bytes_of(text):
    return torch.tensor([list(text.encode())])


def shown(tokenizer, selection):
    return [
        tokenizer.decode(ids[mask])
        for ids, mask in zip(selection.input_ids, selection.prompt_mask, strict=True)
    ]


def test_the_tokens_of_a_text_are_found_in_each_row(words):
    tokenizer, batch = words
    assert shown(tokenizer, select_text(tokenizer, batch, ["France", "Peru"])) == ["France", "Peru Peru"]
    assert shown(tokenizer, select_text(tokenizer, batch, ["of France", "most people"])) == [
        "of France",
        "most people",
    ]
    assert shown(tokenizer, select_text(tokenizer, batch, ["Fran", "ost peo"])) == ["France", "most people"]
    first = select_text(tokenizer, batch, ["France", "Peru"], occurrence=0)
    last = select_text(tokenizer, batch, ["France", "Peru"], occurrence=-1)
    assert first.prompt_mask[1].nonzero()[0, 0] < last.prompt_mask[1].nonzero()[0, 0]
    assert (first | last).prompt_mask[1].sum() == 2
    same = select_text(tokenizer, batch["input_ids"], "e", attention_mask=batch["attention_mask"])
    assert torch.equal(same.prompt_mask, select_text(tokenizer, batch, "e").prompt_mask)


def test_a_tokenizer_without_offsets_finds_the_same_tokens(words, monkeypatch):
    tokenizer, batch = words
    assert isinstance(tokenizer, PreTrainedTokenizerFast)
    ids = batch["input_ids"][1].tolist()
    text, spans = token_spans(tokenizer, ids)

    class NoOffsets:
        decode = staticmethod(tokenizer.decode)

    again, found = token_spans(NoOffsets(), ids)
    assert again == text
    assert [text[slice(*span)].strip() for span in found] == [text[slice(*span)].strip() for span in spans]
    wanted = ["France", "Peru"]
    assert torch.equal(
        select_text(NoOffsets(), batch, wanted).prompt_mask, select_text(tokenizer, batch, wanted).prompt_mask
    )


def test_tokens_are_found_where_the_text_would_be_split_in_another_way(words):
    tokenizer, _ = words
    ids = tokenizer.convert_tokens_to_ids(["▁The", "▁", "F", "r", "a", "n", "c", "e", "▁is"])
    assert tokenizer.tokenize(tokenizer.decode(ids)) == ["▁The", "▁France", "▁is"]
    assert shown(tokenizer, select_text(tokenizer, torch.tensor([ids]), "an")) == ["an"]
    assert select_text(tokenizer, torch.tensor([ids]), "is").prompt_mask[0].nonzero().tolist() == [[8]]


def test_a_character_of_several_tokens_takes_all_of_them():
    ids = bytes_of("one é two")
    assert select_text(Slow(), ids, "é").prompt_mask[0].nonzero()[:, 0].tolist() == [4, 5]
    assert select_text(Slow(), ids, "two").prompt_mask[0].nonzero()[:, 0].tolist() == [7, 8, 9]


@pytest.mark.parametrize(
    ("text", "more", "error", "message"),
    [
        ("Japan", {}, ValueError, r"'Japan' is not in row 0, whose text is '.*The capital of France is'"),
        (
            ["France", "Peru"],
            {"occurrence": 1},
            ValueError,
            r"'France' is 1 times in row 0, so occurrence 1 .*-1 to 0",
        ),
        (["France"], {}, ValueError, "1 texts were given, but the batch has 2 rows"),
        ("", {}, TypeError, "not empty"),
        ([3, "Peru"], {}, TypeError, r"got \[3, 'Peru'\]"),
        ("e", {"occurrence": 1.0}, TypeError, "got 1.0"),
    ],
)
def test_a_text_that_is_not_there_is_named_with_the_text_that_is(words, text, more, error, message):
    tokenizer, batch = words
    with pytest.raises(error, match=message):
        select_text(tokenizer, batch, text, **more)


def test_a_selection_is_shown_with_marks_padding_and_a_bar_before_what_was_generated(words):
    tokenizer, batch = words
    selection = select_text(tokenizer, batch, ["France", "most people"]) | select_generated(batch, 1)
    prompts = "row 0: (padding: 3) <|bos|> The capital of [France] is"
    assert show_selection(tokenizer, selection).splitlines()[0] == prompts + "  (generated tokens: 1)"
    new = tokenizer(" Paris. Paris.", add_special_tokens=False, return_tensors="pt").input_ids[:, :3]
    rows = torch.cat([batch["input_ids"].repeat_interleave(2, dim=0), new.expand(4, -1)], dim=1)
    lines = show_selection(tokenizer, selection, rows).splitlines()
    assert len(lines) == 4
    assert lines[1] == prompts.replace("row 0", "row 1") + " | Paris[.] Paris"
    assert lines[2] == "row 2: <|bos|> In Peru, [most] [people] in Peru speak | Paris[.] Paris"
    assert "<<France>>" in show_selection(tokenizer, selection, marks=("<<", ">>"))


def test_a_prompt_or_a_notebook_shows_the_lines_as_print_does(words):
    tokenizer, batch = words
    text = show_selection(tokenizer, select_last(batch))
    assert isinstance(text, str)
    assert repr(text) == str(text)


def test_padding_on_the_right_and_new_lines_are_shown_in_their_place():
    ids = torch.cat([bytes_of("a\nb"), torch.zeros(1, 2, dtype=torch.long)], dim=1)
    selection = select_at(ids, [1, 2], attention_mask=ids != 0)
    assert show_selection(Slow(), selection) == "row 0: a[\\n][b] (padding: 2)  (generated tokens: none)"


def test_showing_what_does_not_belong_together_raises(words):
    tokenizer, batch = words
    selection = select_last(batch)
    with pytest.raises(ValueError, match="must start with the selection's prompts"):
        show_selection(tokenizer, selection, batch["input_ids"].flip(0))
    with pytest.raises(ValueError, match="must start with"):
        show_selection(tokenizer, selection, batch["input_ids"][:1])
    with pytest.raises(TypeError, match="what generate returned"):
        show_selection(tokenizer, selection, [1, 2])
    with pytest.raises(TypeError, match="must be a TokenSelection, got int"):
        show_selection(tokenizer, 3)


def test_a_selection_moves_to_another_device():
    selection = select_last(batch_of(LEFT)).to("meta")
    assert isinstance(selection, TokenSelection)
    assert {selection.input_ids.device.type, selection.generated_mask.device.type} == {"meta"}
