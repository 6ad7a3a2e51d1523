import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out

PROJECTIONS = ("o_proj", "c_proj", "out_proj", "dense")
DIMENSIONS = ("rows", "positions", "heads")


def inputs(case):
    """Ids, the head, the number of heads and the projection."""
    n_heads = case.model.config.num_attention_heads
    attention = case.map.attention(case.layer)
    projection = next(getattr(attention, name) for name in PROJECTIONS if hasattr(attention, name))
    return case.ids(batch=5, seq=6), case.number("head", 1, n_heads - 1), n_heads, projection


def logits_with(case, edit):
    """The logits with an edit of what the projection receives, as `[batch, seq, head, size]`."""
    ids, head, n_heads, projection = inputs(case)

    def hook(module, args):
        by_head = args[0].unflatten(-1, (n_heads, -1)).clone()
        edited = edit(by_head, head)
        return (edited.flatten(-2), *args[1:])

    return case.logits(ids, [(projection, hook)])


def given(case):
    """What the projection is called with, `[batch, seq, n_heads * size]`."""
    ids, _, _, projection = inputs(case)
    return case.in_and_out(ids, projection)[0][0]


def zero(by_head, index):
    by_head[index] = 0
    return by_head


def only_this_head(by_head, head):
    return zero(by_head, (..., head, slice(None)))


def wrong_split(by_head, head):
    """As if the heads took turns in the last dimension."""
    n_heads, size = by_head.shape[-2:]
    apart = by_head.flatten(-2).unflatten(-1, (size, n_heads)).clone()
    return zero(apart, (..., head)).flatten(-2).unflatten(-1, (n_heads, size))


def slice_of_the_output(case):
    ids, head, n_heads, projection = inputs(case)
    size = case.d_model // n_heads

    def hook(module, args, output):
        output = output.clone()
        output[..., head * size : (head + 1) * size] = 0
        return output

    return case.logits(ids, [], [(projection, hook)])


@check("the head is off, and no other")
def the_head_is_off(case, seen):
    ids, head, n_heads, projection = inputs(case)
    before = case.logits(ids)
    expect_close(seen["before"], before, "what the model says before your function")
    wanted = logits_with(case, only_this_head)
    found = expect_tensor(seen["during"], "what the model says with your hook", tuple(wanted.shape))
    if is_close(found, wanted):
        return
    asked = (
        f"0 in head {head} of {n_heads} before the projection of block {case.layer}: by_head[..., {head}, :]"
    )
    mistakes = {
        "returns_nothing": gives(
            before,
            "your hook changes nothing: what it does not return is lost",
            seen="the logits of the model without a hook",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
        "every_head": gives(
            lambda: logits_with(case, lambda by_head, head: by_head * 0),
            "you switched off every head of the block",
            seen=f"0 in all {n_heads} heads",
        ),
        "slices_the_sequence": gives(
            lambda: logits_with(case, lambda by_head, head: zero(by_head, (slice(None), head))),
            "your index counts positions: after the batch comes the sequence, and the heads come third",
            seen=f"0 at position {head}, in all heads",
        ),
        "slices_the_batch": gives(
            lambda: logits_with(case, lambda by_head, head: zero(by_head, head)),
            "your index counts texts: the first dimension is the batch",
            seen=f"0 in row {head} of the batch, in all heads",
        ),
        "splits_the_wrong_way": gives(
            lambda: logits_with(case, wrong_split),
            "you split the last dimension as [size, n_heads]; a head's numbers lie side by side",
            seen=f"0 in every {n_heads}th number, a part of each head",
        ),
        "zeroes_the_output": gives(
            lambda: slice_of_the_output(case),
            "you zeroed a slice of what the projection gives out, where the heads are mixed already",
            seen="0 in a slice of d_model, behind the projection",
            see="chapters/5-examples/attention.md#questions",
        ),
        "keeps_only_this_head": gives(
            lambda: logits_with(case, only_the_others),
            "you switched off all the other heads",
            seen=f"0 in all heads but {head}",
        ),
    }
    rule_out(mistakes, found, expected=asked)
    received, clean = seen["received"], given(case).cpu()
    if isinstance(received, torch.Tensor) and received.shape == clean.shape:
        changed = (received != clean).unflatten(-1, (n_heads, -1))
        where = {name: changed.movedim(i, 0).flatten(1).any(1) for i, name in enumerate(DIMENSIONS)}
        words = [f"{name} {yes.nonzero().flatten().tolist()}" for name, yes in where.items()]
        raise Wrong(
            "other_numbers",
            "your hook changes other numbers than this head's, or not all of them",
            expected=f"{asked}, in all {len(ids)} rows at all {ids.shape[1]} positions",
            seen=f"{int(changed.sum())} of {changed.numel()} numbers changed, in {', '.join(words)}",
        )
    raise Wrong("other_values", "the model says something else", expected=wanted[0, -1], seen=found[0, -1])


def only_the_others(by_head, head):
    kept = torch.zeros_like(by_head)
    kept[..., head, :] = by_head[..., head, :]
    return kept


@check("your hook leaves the tensor that it is given as it is", see="chapters/1-hook-basics.md#edit-a-copy")
def edits_a_copy(case, seen):
    _, head, n_heads, _ = inputs(case)
    wanted = given(case)
    if not is_close(seen["given"], wanted):
        index = 0, -1, slice(head * wanted.shape[-1] // n_heads, None)
        raise Wrong(
            "edits_in_place",
            "you assigned into the tensor that the hook was given, which others may hold",
            expected=wanted[index],
            seen=seen["given"][index],
        )


@check("the function returns the handle, and without the hook all is as before")
def the_handle(case, seen):
    if not seen["removable"]:
        raise Wrong(
            "returns_no_handle",
            "you registered the hook but did not return its handle, so nobody can take it off",
            expected="what register_forward_pre_hook returned",
            seen=seen["handle"] if seen["handle"] is not None else "None",
            see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in",
        )
    expect_same(seen["after"], seen["before"], "what the model says after handle.remove()")
