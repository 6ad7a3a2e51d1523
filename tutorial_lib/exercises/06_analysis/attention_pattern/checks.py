import torch

from tutorial_lib.exercises.checking import check, expect_close, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import rule_out, when
from tutorial_lib.exercises.seen import describe


def inputs(case):
    return case.ids(batch=2, seq=6)


def patterns(case):
    """The attention weights of all blocks, `[n_layers, batch, head, query, key]`."""
    before = case.model.config._attn_implementation
    case.model.set_attn_implementation("eager")
    with torch.no_grad():
        attentions = case.model(inputs(case), output_attentions=True, use_cache=False).attentions
    case.model.set_attn_implementation(before)
    return torch.stack(attentions)


def explain_crash(case, crash):
    empty = crash.type_name == "IndexError" and crash.message.startswith("tuple index")
    return {"asks_sdpa": asks_sdpa(empty, seen="an empty tuple")}


def asks_sdpa(holds, **seen):
    return when(
        holds,
        "you asked a model that runs on SDPA for its attention weights; it has none to give",
        expected="the weights that the eager implementation forms",
        see="chapters/7-pitfalls/1-what-you-read.md#attentions-is-empty",
        **seen,
    )


@check("these are the attention weights of the block")
def is_the_pattern(case, seen):
    everything = patterns(case)
    wanted, found, layer = everything[case.layer], seen["pattern"], case.layer
    batch, _, seq, _ = wanted.shape
    shape = f"[batch, head, query, key] = {list(wanted.shape)}"
    shapes = [list(part.shape) for part in found] if is_tensors(found) else None
    mistakes = {
        "asks_sdpa": asks_sdpa(found is None),
        "every_layer": when(
            lambda: (shapes == [list(part.shape) for part in everything]) or is_close(found, everything),
            "you returned the weights of every block; asked is the one",
            seen=lambda: f"{len(found)} tensors of this shape",
        ),
        "averages_heads": when(
            lambda: is_close(found, wanted.mean(1)) or is_close(found, wanted.mean(1, keepdim=True)),
            "you averaged over the heads; each head looks elsewhere, so keep them apart",
            seen=lambda: list(found.shape),
        ),
        "returns_the_output": when(
            isinstance(found, torch.Tensor) and found.shape == (batch, seq, case.d_model),
            "you returned what the attention writes to the stream; the weights are the second of its outputs",
            seen=lambda: f"[batch, seq, d_model] = {list(found.shape)}",
        ),
    }
    rule_out(mistakes, found, expected=shape)
    found = expect_tensor(found, "what you returned", tuple(wanted.shape))
    if is_close(found, wanted):
        return
    other = next((i for i in range(case.n_layers) if is_close(found, everything[i])), None)
    sums, later = found.sum(-1), found.triu(1).max()
    mistakes = {
        "another_layer": when(
            other is not None,
            "you returned the weights of another block; attentions[0] is block 0, with none before it",
            expected=f"block {layer}",
            seen=f"block {other}",
        ),
        "rows_do_not_sum": when(
            not is_close(sums, torch.ones_like(sums), 1e-3),
            "the weights of a query sum to 1, and yours do not: are they scores, before the softmax?",
            expected=1.0,
            seen=sums,
        ),
        "not_causal": when(
            later > 1e-4,
            "your queries look at later tokens, which they cannot see",
            expected="0 wherever the key is after the query",
            seen=f"up to {later:.3f}",
        ),
        "other_values": "the weights are other ones",
    }
    expected = f"head 0, the last query of row 0: {describe(wanted[0, 0, -1])}"
    rule_out(mistakes, expected=expected, seen=found[0, 0, -1])


def is_tensors(value):
    return isinstance(value, list) and all(isinstance(part, torch.Tensor) for part in value)


@check("the model runs on the implementation that it ran on before")
def setting_is_back(case, seen):
    before = seen["at first"]
    mistakes = {
        "leaves_eager_on": when(
            seen["afterwards"] != before,
            "you did not set the implementation back, so every later run is slower and keeps all weights",
            expected=before,
            seen=seen["afterwards"],
            see="chapters/5-examples/attention.md#questions",
        ),
        "assumes_sdpa": when(
            seen["afterwards, of eager"] != "eager",
            "you set the implementation to a fixed one at the end; the model had another one before",
            expected="'eager', on a model that ran on eager before",
            seen=seen["afterwards, of eager"],
        ),
        "stays_after_an_error": when(
            seen["after an error"] != "sdpa",
            "when the forward pass fails, your function ends before it sets the implementation back",
            expected="'sdpa' after an error too: try, and finally",
            seen=seen["after an error"],
            see="chapters/1-hook-basics.md#when-something-fails-hooks-stay",
        ),
    }
    rule_out(mistakes)


@check("the model says the same afterwards")
def says_the_same(case, seen):
    expect_close(seen["before"], case.logits(inputs(case)), "what the model says before your function")
    expect_same(seen["after"], seen["before"], "what the model says after your function")
