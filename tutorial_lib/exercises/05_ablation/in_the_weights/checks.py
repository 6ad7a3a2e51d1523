from torch import nn
from transformers.pytorch_utils import Conv1D

from tutorial_lib.directions import WRITERS, ablate_direction_everywhere, writing_modules
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when

LAYOUTS = (
    "an Embedding [n, d_model] and a Conv1D [d_in, d_model] write rows, a Linear [d_model, d_in] columns"
)


def writers(case):
    """The modules that write to the stream, by their names."""
    names = {id(module): name for name, module in case.model.named_modules()}
    found = [module for module in case.model.modules() if isinstance(module, nn.Embedding)]
    for part in writing_modules(case.map):
        last = [child for name, child in part.named_children() if name in WRITERS]
        found.append(last[-1] if last else part)
    return {names[id(module)]: module for module in found}


def without(vectors, direction):
    return vectors - (vectors @ direction).unsqueeze(-1) * direction


def cleaned(name, module, parameter, direction, other_way=False):
    """A weight or bias without the part of its stream vectors that is along the direction."""
    old = getattr(module, parameter).detach()
    by_rows = parameter == "bias" or isinstance(module, (nn.Embedding, Conv1D)) != other_way
    return without(old, direction) if by_rows else without(old.T, direction).T


def along(weight, old, direction):
    """The largest part along the direction of a stream vector of a weight."""
    if weight.shape[0] != len(direction):
        return float((weight @ direction).abs().max())
    if weight.shape[-1] != len(direction):
        return float((direction @ weight).abs().max())
    return max(float((weight @ direction).abs().max()), float((direction @ weight).abs().max()))


@check("no writer can write the direction")
def writers_are_clean(case, seen):
    unit, direction = case.direction(), 2.5 * case.direction()
    before = case.model.state_dict()
    if all(is_close(seen["weights"].get(name), old, 0.0) for name, old in before.items()):
        raise Wrong(
            "model_unchanged",
            "no weight of the model was changed: change those of the model that you are given, not a copy's",
            expected="other weights in " + ", ".join(list(writers(case))[:2]) + ", ...",
            seen="all weights as they were",
        )
    for name, module in writers(case).items():
        for parameter in ("weight", "bias"):
            if getattr(module, parameter, None) is None:
                continue
            full = f"{name}.{parameter}"
            old, right = before[full], cleaned(name, module, parameter, unit)
            found = expect_tensor(seen["weights"].get(full), full, tuple(old.shape))
            if is_close(found, right):
                continue
            kind = type(module).__name__
            expected = f"0 along the direction in {full} {list(old.shape)} of this {kind}, the rest as it was"
            there = f"up to {along(found, old, unit):.2g} along the direction"
            mistakes = {
                "not_of_norm_1": gives(
                    cleaned(name, module, parameter, direction),
                    "you projected with the direction at the length that it has; bring it to length one",
                    seen=f"{there}; the direction has length {float(direction.norm()):.2g}",
                ),
                "forgets_biases": when(
                    parameter == "bias" and is_close(found, old),
                    "you cleaned the matrices and not the biases, which are written at every position",
                ),
                "forgets_the_embedding": when(
                    isinstance(module, nn.Embedding) and is_close(found, old),
                    "an embedding is not cleaned, so the direction is in the stream before block 0",
                ),
                "the_wrong_way_round": wrong_way(
                    old.ndim == 2
                    and old.shape[0] == old.shape[1]
                    and is_close(found, cleaned(name, module, parameter, unit, other_way=True)),
                    seen=f"the other dimension of {full} was cleaned",
                ),
                "not_this_weight": when(
                    True,
                    f"{full} is not what the projection makes of it",
                    seen=f"{there}; {'as before' if is_close(found, old) else 'changed otherwise'}",
                ),
            }
            rule_out(mistakes, found, expected=expected, seen=f"{there}, as before")


@check("the unembedding reads as before", see="chapters/5-examples/weights.md#tied-embeddings")
def unembedding_stays(case, seen):
    head = case.map.unembedding.weight.detach()
    found = expect_tensor(seen["weights"].get(f"{case.map.unembedding_path}.weight"), "the unembedding")
    if is_close(found, without(head, case.direction())):
        raise Wrong(
            "changes_the_unembedding",
            "embedding and unembedding are one matrix here, so cleaning the one changed the other; the "
            "unembedding reads the normed stream, which does have a part along the direction",
            expected="an unembedding of its own, with the old weight",
            seen="the unembedding lost the direction as well",
        )
    expect_close(found, head, "the unembedding")


@check("all other weights are as they were")
def others_stay(case, seen):
    own = {f"{name}.{parameter}" for name in writers(case) for parameter in ("weight", "bias")}
    for name, old in case.model.state_dict().items():
        if name not in own and not is_close(seen["weights"].get(name), old):
            raise Wrong(
                "other_weights",
                f"{name} does not write to the stream and must stay as it was",
                expected=old,
                seen=seen["weights"].get(name),
            )


@check(
    "the model without hooks gives the logits of hooks at every write",
    see="chapters/5-examples/weights.md#equal-to-the-hooks",
)
def equal_to_the_hooks(case, seen):
    hooked = case.logits(case.ids(), *ablate_direction_everywhere(case.model, case.direction()))
    head = case.map.unembedding
    head.weight = nn.Parameter(head.weight.detach().clone())  # the embedding's may be another now
    case.model.load_state_dict(seen["weights"])
    by_weights = case.logits(case.ids())
    expect_close(by_weights, hooked, "what the plain model says with your weights", 1e-3)
    expect_close(
        seen["logits"], by_weights, "what your model says, beside a plain one with the same weights,"
    )


@check("nothing is returned")
def returns_nothing(case, seen):
    if seen["returned"] != "NoneType":
        raise Wrong(
            "returns_the_model",
            "you returned something, so a caller may take it for a changed copy; the model itself is changed",
            expected="no `return`: nothing is returned",
            seen=f"a {seen['returned']}",
        )


def wrong_way(holds, **values):
    return when(
        holds,
        f"you cleaned a weight along the wrong dimension: {LAYOUTS}",
        see="chapters/5-examples/weights.md#one-matrix",
        **values,
    )


def explain_crash(case, crash):
    shapes = crash.type_name == "RuntimeError" and ("size" in crash.message or "shape" in crash.message)
    expected = "stream vectors [..., d_model] times the direction [d_model]"
    return {"the_wrong_way_round": wrong_way(shapes, expected=expected, seen=crash.message)}
