from tutorial_lib import get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, is_close
from tutorial_lib.exercises.mistakes import rule_out, when
from tutorial_lib.exercises.seen import describe


@check("the hook prints the shape of what comes into the block")
def prints_the_shape(case, seen):
    shapes = [(*ids.shape, case.d_model) for ids in inputs(case)]
    wanted = [str(shape) for shape in shapes]
    lines = seen["printed"].splitlines()
    if lines == wanted:
        return
    first = wanted[0]
    text = lines[0] if lines else ""
    mistakes = {
        "prints_at_once": when(
            seen["printed at once"].strip(),
            "your function printed when it was called; it is the hook that must print, when the block runs",
            expected=f"{first} when the model runs",
            seen=f"{seen['printed at once'].strip()} before any run",
        ),
        "never_registered": when(
            not text,
            "nothing was printed when the model ran: a hook has to be registered on the block",
            seen="no text",
        ),
        "prints_the_torch_size": when(
            text == f"torch.Size({list(shapes[0])})",
            "this is the right shape, as PyTorch's own `torch.Size`; `tuple(...)` makes it a tuple",
        ),
        "takes_the_first_row": when(
            text == str(shapes[0][1:]),
            "you went one index too deep: `args[0]` is the whole batch, `args[0][0]` its first row",
        ),
        "prints_the_tuple": when(
            text.isdigit() or text.startswith(("(tensor", "(Tensor", "<class")),
            "you printed something of `args` itself, which is a tuple; the stream is its first element",
        ),
        "not_each_time": when(
            text == first,
            "the first line is right, but the hook must print one line for each run of the block",
            expected=" and ".join(wanted),
            seen=" and ".join(lines),
        ),
        "other_text": "the hook printed something else",
    }
    rule_out(mistakes, expected=first, seen=text)


@check("it is a pre-hook: it runs before the block")
def runs_before_the_block(case, seen):
    short, _ = inputs(case)
    shape, lines = str((*short.shape, case.d_model)), seen["printed around the block"].splitlines()
    if lines != [shape, "the block"]:
        raise Wrong(
            "a_forward_hook",
            "your hook runs after the block, with its output: that is a forward hook, and asked is a forward "
            "pre-hook, which sees what comes in",
            expected=f"first {shape}, then the block",
            seen=", then ".join(lines) or "no text",
        )


@check("the function returns the handle")
def returns_the_handle(case, seen):
    if not seen["removable"]:
        raise Wrong(
            "returns_no_handle",
            "you registered the hook but did not return its handle, so nobody can take it off",
            expected="what register_forward_pre_hook returned",
            seen=seen["handle"],
        )
    if seen["printed after removal"]:
        raise Wrong(
            "another_handle",
            "after handle.remove() the hook still prints: is it registered twice?",
            expected="no text",
            seen=seen["printed after removal"].strip(),
        )


@check("the hook changes nothing", see="chapters/1-hook-basics.md#what-a-pre-hook-may-return")
def changes_nothing(case, seen):
    short, _ = inputs(case)
    expect_close(seen["before"], case.logits(short), "what the model says before your hook")
    stream = get_residual_stream_at_layer(case.model, case.layer, short)
    if not is_close(seen["given"], stream):
        raise Wrong(
            "edits_the_stream",
            "your hook edited the stream in place; a hook that only looks leaves it as it is",
            expected=stream,
            seen=seen["given"],
        )
    if not is_close(seen["received"], stream):
        raise Wrong(
            "returns_another_stream",
            "your hook returned something, and the block was called with that in the place of its stream; a "
            "hook that only looks returns nothing",
            expected=f"the block gets its stream: {describe(stream)}",
            seen=f"the block gets what you returned: {describe(seen['received'])}",
        )
    expect_same(seen["during"], seen["before"], "what the model says with your hook")


def explain_crash(case, crash):
    return {
        "function_without_block": when(
            crash.type_name == "TypeError" and crash.message.startswith("print_shape() "),
            "your function `print_shape` is called with the block, and has other parameters",
            expected="def print_shape(block):",
        ),
        "other_parameters": when(
            crash.type_name == "TypeError" and "positional argument" in crash.message and not crash.line,
            "your hook has other parameters than PyTorch passes to it",
            expected="hook(module, args)",
        ),
        "returns_the_shape": when(
            not crash.line,
            "your hook returned something, and the block was called with that in the place of the stream: "
            "a hook that only looks returns nothing",
            expected="no `return` in the hook, or `return None`",
            seen=f"{crash.type_name} in the model: {crash.message}",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
    }


def inputs(case):
    """The token ids of the two runs."""
    return (
        case.ids(batch=2, seq=case.number("seq", 5, 7), name="short"),
        case.ids(batch=3, seq=case.number("seq", 5, 7) + 2, name="long"),
    )
