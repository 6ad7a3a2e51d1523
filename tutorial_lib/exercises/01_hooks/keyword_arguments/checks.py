from tutorial_lib import add_hooks, read_input, read_output
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, expect_tensor, is_close


@check("what you return is what the attention is called with")
def is_the_input(case, seen):
    ids, longer = inputs(case)
    wanted, given_out, stream = look(case, ids)
    found = seen["first"]
    if isinstance(found, list):
        raise Wrong(
            "returns_a_list",
            "you returned a list or tuple that holds the hidden state; the task asks for the tensor",
            expected=wanted,
            seen=found,
        )
    expect_tensor(found, "what you returned")
    if is_close(found, given_out):
        raise Wrong(
            "takes_the_output",
            "this is what the attention gives out; it is called with something else",
            expected=wanted,
            seen=found,
            see="chapters/1-hook-basics.md#a-call-with-two-places-to-listen",
        )
    if is_close(found, stream):
        raise Wrong(
            "takes_the_stream",
            "this is the stream that comes into the block; the attention reads a normalised copy of it",
            expected=wanted,
            seen=found,
            see="chapters/2-architecture.md#one-block-pre-norm",
        )
    if is_close(found, wanted[0]):
        raise Wrong(
            "takes_the_first_row",
            "you returned the first row of the batch: `[0]` was applied to the hidden state itself",
            expected=wanted,
            seen=found,
        )
    expect_close(found, wanted, "what you returned")
    expect_close(seen["second"], look(case, longer)[0], "what you returned for a second, longer batch")


@check("nothing is left on the model", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def is_removed(case, seen):
    if seen["hooks after"] != seen["hooks before"]:
        raise Wrong(
            "leaves_the_hook_on",
            "your function has returned, and its hook is still on the attention",
            expected=f"hooks on the model: {seen['hooks before']}",
            seen=f"hooks on the model: {seen['hooks after']}",
        )
    expect_close(seen["before"], case.logits(inputs(case)[0]), "what the model says before")
    expect_same(seen["after"], seen["before"], "what the model says afterwards")


def explain_crash(case, crash):
    if crash.type_name == "IndexError" and "tuple" in crash.message:
        raise Wrong(
            "by_position_only",
            f"you read `args[0]`, and there is none: the attention of a {case.model.config.model_type} is "
            "called with keyword arguments only",
            expected='kwargs["hidden_states"] where args is empty, with with_kwargs=True',
            seen=f"IndexError: {crash.message}",
        )
    if crash.type_name == "KeyError" and "hidden_states" in crash.message:
        raise Wrong(
            "by_keyword_only",
            f"you read kwargs['hidden_states'], and there is none: a {case.model.config.model_type} "
            "hands the hidden state over by position",
            expected="args[0] where args is not empty",
            seen=f"KeyError: {crash.message}",
        )
    if crash.type_name == "TypeError" and "missing" in crash.message and "argument" in crash.message:
        raise Wrong(
            "without_with_kwargs",
            "your hook has a parameter that PyTorch does not pass: the keyword arguments come only with "
            "register_forward_pre_hook(hook, with_kwargs=True)",
            expected="a hook that is called with (module, args, kwargs)",
            seen=f"TypeError: {crash.message}",
        )
    if crash.type_name == "RuntimeError" and "must return None or a tuple" in crash.message:
        raise Wrong(
            "returns_what_it_saw",
            "your hook returned something, and PyTorch took it for new arguments: a hook that only looks "
            "returns None",
            expected="None",
            seen=f"RuntimeError: {crash.message}",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        )


def inputs(case):
    """The token ids of the two calls."""
    return (
        case.ids(batch=2, seq=case.number("seq", 4, 7)),
        case.ids(batch=3, seq=case.number("seq", 4, 7) + 1, name="longer"),
    )


def look(case, ids):
    """What the attention gets, what it gives out, and the stream that comes into its block."""
    seen = {}

    def keep(module, args, kwargs, output):
        seen["input"], seen["output"] = read_input(args, kwargs).clone(), read_output(output).clone()

    def keep_stream(module, args, kwargs):
        seen["stream"] = read_input(args, kwargs).clone()

    block, attention = case.map.blocks[case.layer], case.map.attention(case.layer)
    with add_hooks([(block, keep_stream)], [(attention, keep)], with_kwargs=True):
        case.logits(ids)
    return seen["input"], seen["output"], seen["stream"]
