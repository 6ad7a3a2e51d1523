import torch

from tutorial_lib import add_hooks
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when


def the_layers(case):
    return [case.layer, case.other_layer]


def run(case, layers, bare=False):
    """The streams before and after the projection at the given layers, and the logits."""
    ids = case.ids(batch=2, seq=8)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    unit = case.direction()
    before, after = {}, {}

    def clean(layer):
        def hook(module, args):
            before[layer] = args[0].clone()
            removed = (before[layer] @ unit).unsqueeze(-1) * unit if layer in layers else 0.0
            after[layer] = before[layer] - removed
            return after[layer] if bare and layer in layers else (after[layer], *args[1:])

        return case.map.blocks[layer], hook

    with torch.no_grad(), add_hooks([clean(layer) for layer in range(case.n_layers)]):
        logits = case.model(ids, attention_mask=mask, use_cache=False).logits
    return before, after, logits


def share_left(stream, direction):
    """The largest part along the direction, and how large the stream is there."""
    return float((stream @ (direction / direction.norm())).abs().max()), float(stream.abs().max())


@check("at the given layers nothing is left along the direction")
def nothing_left(case, seen):
    layers = the_layers(case)
    before, _, _ = run(case, layers)
    unit, direction = case.direction(), 2.5 * case.direction()
    first = min(layers)
    stream = before[first]
    found = expect_tensor(seen["streams"][str(first)], f"the stream at layer {first}", tuple(stream.shape))
    along = (stream @ unit).unsqueeze(-1)
    expected = f"0 along the direction at layer {first}, the rest as it was"
    left, _ = share_left(found, direction)
    there = f"up to {left:.3g} along the direction"
    mistakes = {
        "not_of_norm_1": gives(
            stream - (stream @ direction).unsqueeze(-1) * direction,
            "you projected with the direction as it was given; its length counts twice then, once in the dot "
            "product and once in the vector, so bring it to length one first",
            seen=f"{there}; the direction has length {float(direction.norm()):.2g}",
        ),
        "subtracts_the_direction": when(
            lambda: is_close(found, stream - direction) or is_close(found, stream - unit),
            "you subtracted the direction itself; that moves every position by the same amount, however much "
            "of the direction it had",
            seen=there,
            see="chapters/5-examples/ablation.md#the-projection",
        ),
        "projects_onto_it": gives(
            along * unit,
            "you kept the part along the direction and threw away the rest; it is the other way round",
            seen=f"{there}, and nothing else is left of the stream",
        ),
    }
    rule_out(mistakes, found, expected=expected)
    for layer in layers:
        found = expect_tensor(seen["streams"][str(layer)], f"the stream at layer {layer}")
        left, size = share_left(found, direction)
        if left > 1e-4 * max(1.0, size):
            untouched = is_close(found, before[layer])
            raise Wrong(
                "not_these_layers" if untouched else "something_left",
                f"at layer {layer} the stream "
                + ("is not edited at all" if untouched else "still has a part along the direction"),
                expected=f"0 along the direction at the layers {sorted(layers)}",
                seen=f"up to {left:.3g} at layer {layer}, where values reach {size:.3g}",
            )


@check(
    "the blocks get everything else that they were called with",
    see="chapters/7-pitfalls/2-what-you-change.md#a-bare-tensor-drops-the-other-arguments",
)
def nothing_lost(case, seen):
    _, _, right = run(case, the_layers(case))
    _, _, without_arguments = run(case, the_layers(case), bare=True)
    if is_close(seen["logits"], without_arguments) and not is_close(right, without_arguments):
        raise Wrong(
            "returns_a_bare_tensor",
            "the projection is right, but your hook returns the stream alone, so the block lost its other "
            "positional arguments, such as the mask of this padded batch",
            expected="a hook that returns (new_stream, *args[1:])",
            seen=f"logits that are off by up to {float((seen['logits'] - right).abs().max()):.2g}",
        )


@check("the rest of the stream is as it was")
def rest_untouched(case, seen):
    layers = the_layers(case)
    _, after, logits = run(case, layers)
    _, everywhere, _ = run(case, range(case.n_layers))
    for layer in range(case.n_layers):
        if not is_close(seen["streams"][str(layer)], after[layer]):
            if is_close(seen["streams"]["0"], everywhere[0]):
                raise Wrong(
                    "every_layer",
                    "you cleaned the stream at layers that were not asked for",
                    expected=f"edits at the layers {sorted(layers)} only",
                    seen="an edit at layer 0",
                )
            raise Wrong(
                "rest_changed",
                f"at layer {layer} the stream is not what the projection makes of it",
                expected=after[layer],
                seen=seen["streams"][str(layer)],
            )
    expect_close(seen["logits"], logits, "what the model says with your hooks")


@check(
    "the model's own tensor is not edited", see="chapters/7-pitfalls/2-what-you-change.md#an-edit-in-place"
)
def not_in_place(case, seen):
    before, _, _ = run(case, the_layers(case))
    first = min(the_layers(case))
    if not is_close(seen["kept"], before[first]):
        raise Wrong(
            "edits_in_place",
            f"you changed the tensor that block {first - 1} gave out, which others may hold as well; "
            "make a new one",
            expected=f"what block {first - 1} returned stays as it was",
            seen="it was changed after the block had returned it",
        )


@check("after the `with` block the model is as it was")
def gone_after(case, seen):
    _, _, logits = run(case, [])
    expect_close(seen["after"], logits, "what the model says after the hooks are off")


def explain_crash(case, crash):
    form = crash.type_name in ("TypeError", "ValueError") and "module_forward_pre_hooks" in crash.message
    return {
        "swapped_pair": when(
            form and "swapped" in crash.message,
            "your pairs are the wrong way round: the block comes first, then its hook",
            expected="[(blocks[layer], hook), ...]",
            seen=crash.message,
        ),
        "one_bare_pair": when(
            form and "bare pair" in crash.message,
            "you returned one pair; asked is a list of pairs, one for each layer",
            expected="[(blocks[layer], hook), ...]",
            seen=crash.message,
        ),
        "no_pairs": when(
            form,
            "what you returned is not a list of (block, hook) pairs",
            expected="[(blocks[layer], hook), ...], not registered: `add_hooks` does that",
            seen=crash.message.partition(";")[0],
        ),
        "shapes_do_not_fit": when(
            crash.type_name == "RuntimeError" and "must match the size" in crash.message,
            "the dot product gives one number a position, [batch, seq]; it needs a last dimension of 1 "
            "before it is multiplied with the direction",
            expected="(stream @ unit).unsqueeze(-1) * unit",
            seen=crash.message,
        ),
    }
