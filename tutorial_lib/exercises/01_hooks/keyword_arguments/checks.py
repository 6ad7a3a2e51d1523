from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same
from tutorial_lib.exercises.mistakes import diagnose, gives, when


@check("what you return is what the attention is called with")
def is_the_input(case, seen):
    ids, longer = inputs(case)
    wanted, given_out, stream = look(case, ids)
    found = seen["first"]
    mistakes = {
        "returns_a_list": when(
            isinstance(found, list),
            "you returned a list or tuple that holds the hidden state; the task asks for the tensor",
        ),
        "takes_the_output": gives(
            given_out,
            "this is what the attention gives out; it is called with something else",
            see="chapters/1-hook-basics.md#a-call-with-two-places-to-listen",
        ),
        "takes_the_stream": gives(
            stream,
            "this is the stream that comes into the block; the attention reads a normalised copy of it",
            see="chapters/2-architecture.md#one-block-pre-norm",
        ),
        "takes_the_first_row": gives(
            wanted[0], "you returned the first row of the batch: `[0]` was applied to the hidden state itself"
        ),
    }
    diagnose(found, wanted, mistakes)
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
    return {
        "by_position_only": when(
            crash.type_name == "IndexError" and "tuple" in crash.message,
            f"you read `args[0]`, and there is none: the attention of a {case.model.config.model_type} is "
            "called with keyword arguments only",
            expected='kwargs["hidden_states"] where args is empty, with with_kwargs=True',
        ),
        "by_keyword_only": when(
            crash.type_name == "KeyError" and "hidden_states" in crash.message,
            f"you read kwargs['hidden_states'], and there is none: a {case.model.config.model_type} "
            "hands the hidden state over by position",
            expected="args[0] where args is not empty",
        ),
        "without_with_kwargs": when(
            crash.type_name == "TypeError" and "missing" in crash.message and "argument" in crash.message,
            "your hook has a parameter that PyTorch does not pass: the keyword arguments come only with "
            "register_forward_pre_hook(hook, with_kwargs=True)",
            expected="a hook that is called with (module, args, kwargs)",
        ),
        "returns_what_it_saw": when(
            crash.type_name == "RuntimeError" and "must return None or a tuple" in crash.message,
            "your hook returned something, and PyTorch took it for new arguments: a hook that only looks "
            "returns None",
            expected="None",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
    }


def inputs(case):
    """The token ids of the two calls."""
    return (
        case.ids(batch=2, seq=case.number("seq", 4, 7)),
        case.ids(batch=3, seq=case.number("seq", 4, 7) + 1, name="longer"),
    )


def look(case, ids):
    """What the attention gets, what it gives out, and the stream that comes into its block."""
    attention, block = case.in_and_out(ids, case.map.attention(case.layer), case.map.blocks[case.layer])
    return *attention, block[0]
