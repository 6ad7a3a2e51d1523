import torch

from tutorial_lib import add_hooks
from tutorial_lib.exercises.checking import Wrong, check, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when


def run(case, strength, hooks=()):
    """The logits with the vector added to what comes into the block."""
    ids = case.ids(batch=2, seq=6)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    steering = case.steering(lambda stream: stream + strength * case.direction())
    with torch.no_grad(), add_hooks(hooks, steering):
        return case.model(input_ids=ids, attention_mask=mask).logits[:, -1]


def called_with(case):
    """Of each positional argument the shape, or the type of what is no tensor."""
    noted = []

    def note(module, args):
        noted.append([list(x.shape) if isinstance(x, torch.Tensor) else type(x).__name__ for x in args])

    run(case, 0, [(case.map.blocks[case.layer], note)])
    return noted[0]


@check("the block gets a new stream and its other arguments")
def is_steered(case, seen):
    wanted, arrived = called_with(case), seen["arrived"]
    mistakes = {
        "appends_the_vector": gives(
            [*wanted, [case.d_model]],
            "you appended the vector to the tuple, as one more argument; it is to be added to the first one",
        ),
        "stacks_the_tuple": gives(
            [[1, *wanted[0]]], "you made one tensor of the whole tuple, with a dimension too many"
        ),
        "repeats_the_tuple": when(
            len(arrived) == 2 * len(wanted) and arrived[0] == wanted[0],
            "a tuple times a number is a longer tuple, with everything in it more than once",
        ),
        "drops_the_rest": gives(
            wanted[:1],
            "your hook returns the stream alone, so the block lost its other positional arguments",
            see="chapters/7-pitfalls/2-what-you-change.md#a-bare-tensor-drops-the-other-arguments",
        ),
        "other_arguments": "the block got other arguments than it was called with",
    }
    diagnose(arrived, wanted, mistakes, expected=f"arguments: {wanted}", seen=f"arguments: {arrived}")
    mistakes = {
        "returned_the_old_stream": gives(
            lambda: run(case, 0),
            "nothing is steered: your hook leaves the old stream in `args`, which is a tuple, never a tensor",
            expected="the first argument is the stream plus the vector",
            seen="the first argument is the stream",
        ),
    }
    diagnose(seen["steered"], run(case, 10), mistakes, "what the model says when it is steered")


@check("the hook can be taken off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    if not is_close(seen["off"], case.logits(case.ids(batch=2, seq=6))):
        raise Wrong(
            "stays_on",
            "after handle.remove() the model is still steered",
            expected="the handle that register_forward_pre_hook gave",
            seen=seen["handle"] if seen["handle"] is not None else "None was returned",
        )


def explain_crash(case, crash):
    return {
        "assigns_into_the_tuple": when(
            "does not support item assignment" in crash.message,
            "a tuple cannot be written into; make a new one, (args[0] + vector, *args[1:])",
            expected="args[0] + vector",
        ),
        "adds_a_tensor_to_the_tuple": when(
            "can only concatenate tuple" in crash.message,
            "`args` is the tuple of all arguments, not the stream; add the vector to its first element",
            expected="args[0] + vector",
        ),
        "takes_the_tuple_for_a_tensor": when(
            "'tuple' object has no attribute" in crash.message,
            "`args` is the tuple of all arguments, not the stream, and has none of a tensor's methods",
            expected="args[0] + vector",
        ),
        "edits_every_argument": when(
            any(other in crash.message for other in ("DynamicCache", "NoneType")),
            "you edit every argument as if each were the stream; the block also gets a cache and None",
            expected="an edit of args[0] alone",
        ),
    }
