from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same
from tutorial_lib.exercises.mistakes import diagnose, gives, when


@check(
    "what you return is the stream that the block receives",
    see="chapters/4-residual-stream.md#method-2-one-layer",
)
def is_the_stream(case, seen):
    comes_in, comes_out = look(case)
    found = seen["stream"]
    mistakes = {
        "returns_a_list": when(
            isinstance(found, list),
            "you returned a list or tuple that holds the stream; the task asks for the tensor",
        ),
        "takes_the_output": gives(
            comes_out,
            "this is what the block gives out; what it receives is in the `args` of a pre-hook",
            see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in",
        ),
    }
    diagnose(found, comes_in, mistakes)


@check("the block and those after it do not run")
def has_stopped(case, seen):
    later = [f"block {i}" for i in range(case.layer + 1, case.n_layers)] + ["unembedding"]
    ran = [name for name in later if seen["calls"][name]]
    if ran:
        raise Wrong(
            "runs_to_the_end",
            "you have the right stream, and the rest of the model ran all the same: "
            "only an exception ends the pass, a `return` in the hook does not",
            expected=f"no call of anything after the input of block {case.layer}",
            seen=f"calls of {', '.join(ran)}",
        )
    if seen["calls"]["attention"]:
        raise Wrong(
            "stops_after_the_block",
            f"block {case.layer} itself ran before you stopped: a forward hook comes after the block",
            expected=f"no call of the attention of block {case.layer}",
            seen=f"calls: {seen['calls']['attention']}",
            see="chapters/1-hook-basics.md#a-call-with-two-places-to-listen",
        )


@check("afterwards the model runs to its end")
def is_removed(case, seen):
    if isinstance(seen["after"], str):
        raise Wrong(
            "leaves_the_hook_on",
            "the next plain run of the model was stopped as well: your hook is still on, "
            "since the exception skipped the line that removes it",
            expected="handle.remove() in a `finally`",
            seen=f"model(ids) raised {seen['after']}",
        )
    expect_close(seen["before"], case.logits(inputs(case)), "what the model says before")
    expect_same(seen["after"], seen["before"], "what the model says afterwards")


@check("somebody else's exception goes on to the caller")
def lets_bugs_through(case, seen):
    if seen["raised by a bug"] != "Bug":
        raise Wrong(
            "catches_everything",
            f"a hook on block {case.layer - 1} raised a Bug, and your function took it for its own exception",
            expected="Bug",
            seen=f"{seen['raised by a bug']} came out of your function",
        )
    if isinstance(seen["after a bug"], str):
        raise Wrong(
            "stays_on_after_a_bug",
            "when another exception ended the pass, your hook stayed on the block",
            expected="handle.remove() in a `finally`",
            seen=f"the next model(ids) raised {seen['after a bug']}",
        )
    expect_same(seen["after a bug"], seen["before"], "what the model says after a bug")


def explain_crash(case, crash):
    return {
        "lets_its_own_through": when(
            crash.code.startswith("raise"),
            "the exception that you raised in the hook came out of your function: it has to be caught around "
            "the run of the model",
            expected=f"`except {crash.type_name}` around model(ids)",
            seen=f"{crash.type_name}, raised in line {crash.line}",
        ),
    }


def inputs(case):
    return case.ids(batch=2, seq=case.number("seq", 4, 7))


def look(case):
    """What comes into the block and what it gives out."""
    return case.in_and_out(inputs(case), case.map.blocks[case.layer])[0]
