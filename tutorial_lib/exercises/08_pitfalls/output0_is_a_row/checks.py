import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when


def steered_logits(case, layer=None):
    """What comes out of a block goes into the next one, where every model has it in `args[0]`."""
    block, vector = case.map.blocks[case.layer if layer is None else layer], 10 * case.direction()
    return case.logits(case.ids(batch=3), [(block, lambda module, args: (args[0] + vector, *args[1:]))])


def returns_a_tuple(case):
    kinds = []
    look = [(case.map.blocks[case.layer - 1], lambda module, args, output: kinds.append(type(output)))]
    case.logits(case.ids(batch=3), [], look)
    return kinds[0] is not torch.Tensor


@check("every text of the batch is steered")
def every_text_is_steered(case, seen):
    wanted, plain = steered_logits(case), case.logits(case.ids(batch=3))
    found = seen["steered"]
    mistakes = {
        "returned_nothing": gives(
            plain,
            "nothing is steered: you made a new tensor, but the hook did not return it",
            expected="a hook that returns the new output",
            seen="the logits of the model without a hook",
            see="chapters/1-hook-basics.md#what-a-forward-hook-may-return",
        ),
        "slices_the_batch": when(
            lambda: is_close(found[:1], wanted[:1]) and is_close(found[1:], plain[1:]),
            "this slices the batch: the block returned a tensor, and its `output[0]` is the first text",
            expected="texts steered: [True, True, True]",
            seen="texts steered: [True, False, False]",
        ),
        "a_pre_hook": gives(
            lambda: steered_logits(case, case.layer - 1),
            "your hook is a pre-hook, which edits what comes into the block; asked is what comes out",
            expected=f"an edit of what comes out of block {case.layer - 1}, by a forward hook",
            seen=f"an edit of what comes into block {case.layer - 1}",
            see="chapters/1-hook-basics.md#what-a-forward-hook-may-return",
        ),
    }
    diagnose(found, wanted, mistakes, "what the model says when it is steered")


@check("what else is in a tuple stays", see="chapters/1-hook-basics.md#what-a-forward-hook-may-return")
def rest_of_the_tuple_stays(case, seen):
    if "tuple of two" not in seen:
        return  # the blocks of this model return a tensor
    x, found = case.normal(3, 4, case.d_model, name="x"), seen["tuple of two"]
    if not isinstance(found, list) or len(found) != 2 or not is_close(found[1], 2 * x):
        raise Wrong(
            "drops_the_rest",
            "a module returned a tuple of two tensors, and with your hook the second one is not as it was",
            expected="(output[0] + vector, *output[1:]), a tuple of 2",
            seen=f"a tuple of {len(found)}" if isinstance(found, list) else found,
        )
    expect_close(found[0], x + 10 * case.direction(), "the first entry of a tuple of two")


@check("the hook can be taken off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    if not is_close(seen["after"], case.logits(case.ids(batch=3))):
        raise Wrong(
            "stays_on",
            "after handle.remove() the model is still steered",
            expected="the handle that register_forward_hook gave",
            seen=seen["handle"],
        )


def explain_crash(case, crash):
    return {
        "a_pre_hook_with_three_parameters": when(
            crash.type_name == "TypeError" and "1 required positional argument" in crash.message,
            "your hook takes an output, and is registered as a pre-hook, which runs before there is one",
            expected="block.register_forward_hook(hook)",
            see="chapters/1-hook-basics.md#what-a-forward-hook-may-return",
        ),
        "always_a_tensor": when(
            lambda: returns_a_tuple(case) and crash.line and "tuple" in crash.message,
            f"you take the output for a tensor, but this block returned a tuple (line {crash.line})",
            expected="a hook for both kinds of output",
        ),
        "a_tensor_for_a_tuple": when(
            lambda: returns_a_tuple(case) and not crash.line,
            "the block returned a tuple and your hook put a bare tensor in its place; the model takes that "
            "tensor's first text for the hidden state",
            expected="a tuple whose first entry is the new hidden state",
            see="chapters/1-hook-basics.md#what-a-forward-hook-may-return",
            seen=f"the next block failed: {crash.type_name}: {crash.message}",
        ),
        "a_tuple_for_a_tensor": when(
            "tuple" in crash.message and not crash.line,
            "the block returned a tensor and your hook made a tuple of it, which the next block cannot use",
            expected="a tensor of shape [batch, seq, d_model]",
            see="chapters/1-hook-basics.md#what-a-forward-hook-may-return",
            seen=f"the next block failed: {crash.type_name}: {crash.message}",
        ),
    }
