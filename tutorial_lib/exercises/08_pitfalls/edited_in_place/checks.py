import torch

from tutorial_lib import add_hooks, read_input
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, rule_out, when


def steered(case, positions):
    """What the block receives without and with the vector at some positions; the gradient of the logits."""
    ids, vector = case.ids(), 2 * case.normal(case.d_model)
    embedded = case.model.get_input_embeddings()(ids).detach().requires_grad_()
    streams = []

    def edit(module, args):
        stream = read_input(args)
        added = torch.zeros_like(stream)
        added[:, positions] = vector
        streams.extend((stream.detach().clone(), (stream + added).detach()))
        return (stream + added, *args[1:])

    with add_hooks([(case.map.blocks[case.layer], edit)]):
        logits = case.model(inputs_embeds=embedded).logits
    (gradient,) = torch.autograd.grad(logits.logsumexp(-1).sum(), embedded)
    return (*streams, gradient)


@check("the block receives the stream with the vector at the last position")
def last_is_steered(case, seen):
    clean, wanted, _ = steered(case, [-1])
    found = expect_tensor(seen["received"], "what the block receives", tuple(wanted.shape))
    mistakes = {
        "forgets_to_return": gives(
            clean,
            "the block gets the stream without the vector: a copy that is edited must also be returned",
            expected="the vector added at the last position",
            seen="the stream as it was, at every position",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
        "edits_every_position": gives(
            lambda: steered(case, slice(None))[1],
            "you edited every position, not the last",
            expected="the vector added at the last position, the others as they were",
            seen=f"the vector added at all {found.shape[1]} positions",
        ),
    }
    diagnose(found, wanted, mistakes, "what the block receives")


@check("the tensor that the block before gave out stays as it was")
def others_are_left_alone(case, seen):
    clean, _, _ = steered(case, [-1])
    if is_close(seen["held"], clean):
        return
    off = f"off by up to {float((seen['held'] - clean).abs().max()):.3g} at the last position"
    where = f"the stream at layer {case.layer}, as block {case.layer - 1} gave it out"
    mistakes = {
        "copies_too_late": when(
            seen["memory of what the block received"] != seen["memory of what the block before gave out"],
            "you passed a copy on, but wrote into the tensor that you had been given; copy first, then edit",
        ),
        "still_the_same_memory": when(
            True,
            "you still write into the memory of the model's tensor: `detach`, `view` and a slice give a new "
            "tensor object on the same numbers",
            see="chapters/7-pitfalls/5-memory-and-gradients.md#clone-is-not-detach-detach-is-not-clone",
        ),
    }
    rule_out(mistakes, expected=where, seen=off)


@check("gradients flow through the edit")
def gradients_flow(case, seen):
    _, _, wanted = steered(case, [-1])
    if seen["gradient"] is None or not bool(seen["gradient"].any()):
        raise Wrong(
            "cuts_the_graph",
            "no gradient flows back through your edit: the copy knows nothing of what it was made from",
            expected=f"a gradient of shape {list(wanted.shape)} at the embeddings",
            seen="no gradient" if seen["gradient"] is None else "a gradient of zeros",
            see="chapters/7-pitfalls/5-memory-and-gradients.md#clone-is-not-detach-detach-is-not-clone",
        )
    expect_close(seen["gradient"], wanted, "the gradient at the embeddings", 1e-3)


@check("the handle takes the hook off")
def handle_takes_it_off(case, seen):
    plain = case.logits(case.ids())
    if not is_close(seen["after"], plain):
        raise Wrong(
            "returns_no_handle",
            "the hook cannot be taken off with what you returned",
            expected="the handle that register_forward_pre_hook gave",
            seen=seen["handle"] if seen["handle"] is not None else "None",
            see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in",
        )


def explain_crash(case, crash):
    return {
        "copies_the_object": when(
            "graph leaves" in crash.message or "leaf Variable" in crash.message,
            "`copy.copy` and `copy.deepcopy` copy Python objects and do not fit tensors with a gradient; a "
            "tensor is copied by its own method",
            expected="a copy that gradients flow through",
            seen=f"{crash.type_name}: {crash.message[:70]}",
        ),
        "passes_on_another_shape": when(
            crash.line == 0 and ("shape" in crash.message or "size" in crash.message),
            "the block cannot work with what you pass on: it must get all positions, not the last alone",
            expected=f"a stream of shape {[*case.ids().shape, case.d_model]}",
            seen=f"{crash.type_name} in the model: {crash.message[:90]}",
        ),
    }
