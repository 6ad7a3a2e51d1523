import torch

from tutorial_lib import add_hooks, get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_pairs, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when
from tutorial_lib.exercises.seen import describe

SIDES = ("right", "left")


def ids_of(case):
    return case.ids(batch=3, seq=6)


def lengths_of(case):
    """How many tokens each row has."""
    return torch.tensor([4, 6, 3]).roll(case.number("roll", 0, 2)).tolist()


def mask_of(case, side):
    mask = torch.zeros(3, 6, dtype=torch.long)
    for row, length in enumerate(lengths_of(case)):
        mask[row, slice(0, length) if side == "right" else slice(6 - length, 6)] = 1
    return mask.to(case.spec.device)


def last_of(case, side):
    """The column of the last token of each row."""
    return [length - 1 if side == "right" else 5 for length in lengths_of(case)]


def at(places):
    """A mask `[batch, seq]` that is true at (row, column) pairs."""
    mask = torch.zeros(3, 6, dtype=torch.bool)
    for row, column in places:
        mask[row, column] = True
    return mask


def addition(case, side):
    """What is to be added to the stream `[batch, seq, d_model]`."""
    return at(enumerate(last_of(case, side))).to(case.spec.device)[..., None] * 5 * case.direction()


def adding(case, side, layer):
    """A pair that adds it at a layer."""

    def add(module, args):
        return (args[0] + addition(case, side), *args[1:])

    return case.map.blocks[layer], add


def clean_stream(case, side):
    mask = mask_of(case, side)
    return get_residual_stream_at_layer(case.model, case.layer, ids_of(case), attention_mask=mask).cpu()


def in_words(moved):
    """Where a mask is true, row by row."""
    return "; ".join(
        f"row {row}: {', '.join(map(str, columns.nonzero()[:, 0].tolist())) or 'none'}"
        for row, columns in enumerate(moved)
    )


def explain_crash(case, crash):
    return {
        "one_column_too_far": when(
            crash.type_name == "IndexError" and "out of bounds" in crash.message,
            "you asked for a column that does not exist: a row with n tokens, padded on the right, ends at "
            "n - 1",
            expected="columns 0 to 5",
        ),
    }


@check(
    "it returns pairs for add_hooks and registers nothing",
    see="chapters/3-step-by-step.md#step-3-register-it",
)
def returns_pairs(case, seen):
    expect_pairs(seen["are pairs"], seen["form"], seen["hooks at once"])


def check_where(case, seen, side):
    """That the positions that were edited are the last tokens."""
    clean = clean_stream(case, side)
    found = expect_tensor(seen[f"stream, {side}"], f"what block {case.layer} gets", tuple(clean.shape))
    moved = (found - clean).abs().amax(-1) > 1e-3 * clean.abs().max()
    last, mask = last_of(case, side), mask_of(case, side).bool().cpu()
    wanted = at(enumerate(last))
    if torch.equal(moved, wanted):
        return

    def a_layer_early():
        with add_hooks([adding(case, side, case.layer - 1)]):
            return clean_stream(case, side)

    mistakes = {
        "changes_nothing": when(
            not moved.any(),
            f"with padding on the {side}, no position was edited: your hook made a new tensor, but returned "
            "nothing, or the old one",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
        "edits_every_position": when(
            moved.all(), "you edited every position, not the last token of each row"
        ),
        "edits_every_token": when(
            torch.equal(moved, mask), "you edited every token that is not padding, not only the last"
        ),
        "takes_the_last_column": when(
            torch.equal(moved, at((row, 5) for row in range(3))),
            "you edited column -1 in every row; with padding on the right, that is padding in shorter rows",
            see="chapters/7-pitfalls/3-generation.md#position-0-is-padding",
        ),
        "crosses_rows_and_columns": when(
            torch.equal(moved, at((row, column) for row in range(3) for column in last)),
            "`stream[:, last]` takes all these columns in every row; pair each row with its own column",
        ),
        "counts_the_tokens": when(
            side == "left" and torch.equal(moved, at(enumerate(last_of(case, "right")))),
            "you took the number of tokens of a row for the place of the last one; with padding on the left "
            "all rows end in the last column",
        ),
        "slices_the_batch": when(
            not moved[1:].any(),
            "you edited row 0 only: the stream is `args[0]`, and one more `[0]` slices the batch",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        ),
        "counts_layers_from_one": gives(
            a_layer_early,
            f"you edited layer {case.layer - 1}; layers are counted from 0",
            expected=f"an edit at the input of block {case.layer}",
            seen=f"an edit at the input of block {case.layer - 1}",
            see="chapters/4-residual-stream.md#method-2-one-layer",
        ),
        "other_positions": f"with padding on the {side}, you edited other positions",
    }
    expected = f"with padding on the {side}, these columns at layer {case.layer}: {in_words(wanted)}"
    rule_out(mistakes, found, expected=expected, seen=in_words(moved))


@check("with padding on the right, the last token of each row is edited and nothing else")
def right_padding(case, seen):
    check_where(case, seen, "right")


@check("with padding on the left, the last token of each row is edited and nothing else")
def left_padding(case, seen):
    check_where(case, seen, "left")


@check("what is added is the vector")
def adds_the_vector(case, seen):
    for side in SIDES:
        before, last = clean_stream(case, side), last_of(case, side)
        added = (seen[f"stream, {side}"] - before)[range(3), last]
        wanted = (5 * case.direction()).cpu().expand_as(added)
        if not is_close(added, wanted, tolerance=1e-3):
            raise Wrong(
                "adds_something_else",
                "you edited the right positions, and what you added is not the vector",
                expected=f"added in each row at layer {case.layer}: {describe(wanted)}",
                seen=describe(added),
            )


@check("the model's own tensors stay as they are", see="chapters/1-hook-basics.md#edit-a-copy")
def edits_a_copy(case, seen):
    for side in SIDES:
        wanted, found = clean_stream(case, side), seen[f"given out, {side}"]
        if not is_close(found, wanted):
            raise Wrong(
                "edits_in_place",
                f"you edited in place: what block {case.layer - 1} gave out has changed after the fact",
                expected=f"at the last token of row 0, what block {case.layer - 1} gave out: "
                f"{describe(wanted[0, last_of(case, side)[0]])}",
                seen=f"what it gave out, plus your vector: {describe(found[0, last_of(case, side)[0]])}",
            )


@check(
    "the block's other arguments are kept",
    see="chapters/7-pitfalls/2-what-you-change.md#a-bare-tensor-drops-the-other-arguments",
)
def keeps_the_arguments(case, seen):
    for side in SIDES:
        mask = mask_of(case, side)
        with add_hooks([adding(case, side, case.layer)]), torch.no_grad():
            logits = case.model(ids_of(case), attention_mask=mask).logits.cpu()
        real = mask.bool().cpu()  # what the model says at padding means nothing
        found, wanted = (
            expect_tensor(seen[f"logits, {side}"], "the logits", tuple(logits.shape)),
            logits[real],
        )
        if not is_close(found[real], wanted):
            raise Wrong(
                "drops_the_arguments",
                f"with padding on the {side}, the stream is right and what the model says is not: return all "
                "of `args`, or the block loses its mask and its cache",
                expected=f"logits of the model steered at layer {case.layer}: {describe(wanted)}",
                seen=describe(found[real]),
            )
