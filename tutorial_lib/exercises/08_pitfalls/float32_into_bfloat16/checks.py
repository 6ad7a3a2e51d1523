import copy

import torch

from tutorial_lib import add_hooks, find_blocks
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import when

BFLOAT16 = 0.05  # of the largest logit: two ways to round a sum to bfloat16 differ by less than that


def steered(case, vector, dtype=torch.float32):
    """The logits with the vector added, in a model of a precision; None: without a hook."""
    model = case.model if dtype == torch.float32 else copy.deepcopy(case.model).to(dtype)

    def hook(module, args):
        return (args[0] + vector.to(args[0]), *args[1:])

    pairs = [] if vector is None else [(find_blocks(model)[case.layer], hook)]
    with torch.no_grad(), add_hooks(pairs):
        return model(case.ids()).logits


@check("it works in a bfloat16 model, which stays one")
def works_in_bfloat16(case, seen):
    wanted = steered(case, case.normal(case.d_model), torch.bfloat16)
    plain = steered(case, None, torch.bfloat16)
    found = expect_tensor(seen["bfloat16"], "what the function returns in bfloat16", tuple(wanted.shape))
    if seen["model"] != "torch.bfloat16":
        raise Wrong(
            "makes_the_model_float32",
            "you changed the precision of the model: it takes twice the memory now",
            expected="a model in torch.bfloat16, as before",
            seen=f"a model in {seen['model']}",
        )
    if found.dtype != torch.bfloat16:
        raise Wrong(
            "other_precision",
            "the logits come in another precision than the model's",
            expected="logits in torch.bfloat16",
            seen=f"logits in {found.dtype}",
        )
    if is_close(found, plain, BFLOAT16) and not is_close(wanted, plain, BFLOAT16):
        raise Wrong("not_added", "the logits are those without the vector", expected=wanted, seen=found)
    expect_close(found, wanted, "what the function returns in bfloat16", BFLOAT16)
    expect_close(seen["after"], plain, "what the model says afterwards, without a hook,", BFLOAT16)


@check("in a float32 model nothing has changed")
def exact_in_float32(case, seen):
    vector = case.normal(case.d_model)
    wanted, rounded = steered(case, vector), steered(case, vector.bfloat16())
    found = expect_tensor(seen["float32"], "what the function returns in float32", tuple(wanted.shape))
    if not is_close(found, wanted) and is_close(found, rounded):
        raise Wrong(
            "bfloat16_everywhere",
            "you round the vector to bfloat16 in every model; take the type from the stream that is there",
            expected="the vector as it is, in a float32 model",
            seen=f"a vector that is off by up to {float((vector.bfloat16() - vector).abs().max()):.2g}",
        )
    expect_close(found, wanted, "what the function returns in float32")
    expect_same(seen["vector"], vector, "the vector, which the caller may need again,")


@check("nothing is edited in place", see="chapters/7-pitfalls/2-what-you-change.md#an-edit-in-place")
def not_in_place(case, seen):
    kept = case.streams(case.ids())[case.layer]
    if not is_close(seen["kept"], kept):
        raise Wrong(
            "edits_in_place",
            "an edit in place does keep the dtype, but the tensor belongs to the model: what the block "
            "before gave out has changed for all who hold it",
            expected=kept,
            seen=seen["kept"],
        )


def explain_crash(case, crash):
    words = ("dtype", "scalar type", "BFloat16", "data type")
    return {
        "stream_becomes_float32": when(
            crash.type_name in ("RuntimeError", "ValueError")
            and any(word in crash.message for word in words),
            "what your hook passes on is not of the precision of the model, so the next module refuses it; "
            "the vector has to follow the stream",
            expected="a stream in torch.bfloat16 that goes on in torch.bfloat16",
            seen=crash.message,
        ),
    }
