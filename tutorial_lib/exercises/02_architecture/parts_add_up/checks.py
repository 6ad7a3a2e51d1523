from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_same, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when


@check(
    "what you return are two tensors [batch, seq, d_model]",
    see="chapters/2-architecture.md#what-each-part-is-called-with",
)
def are_two_tensors(case, seen):
    block = look(case, case.layer)
    shape = list(block["input"].shape)
    parts = seen["parts"]
    if not isinstance(parts, list) or len(parts) != 2:
        raise Wrong(
            "not_two_parts",
            "you returned something else than two parts",
            expected=f"attention, mlp: two tensors of shape {shape}",
            seen=parts if parts is not None else "None",
        )
    attention, mlp = parts
    if isinstance(attention, list):
        raise Wrong(
            "keeps_the_tuple",
            "attention returns a tuple, and you kept all of it; what it writes is the first element",
            expected=f"a tensor of shape {shape}",
            seen=attention,
        )
    for name, part in (("attention", attention), ("mlp", mlp)):
        expect_tensor(part, f"the part `{name}`")
        mistakes = {
            "slices_the_batch": when(
                lambda: is_close(part, block[name][0]) or is_close(part, block[name][0][0]),
                f"`output[0]` of the {name} is its first row, since it returns a tensor and no tuple",
                expected=block[name],
                see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
            ),
            "stays_flat": gives(
                block[name].flatten(0, 1),
                f"the {name} of this model gives out all rows of the batch one after the other; "
                "you returned it in that shape",
                expected=f"a tensor of shape {shape}",
                see="chapters/2-architecture.md#post-norm",
            ),
        }
        rule_out(mistakes, part)
        expect_tensor(part, f"the part `{name}`", tuple(shape))


@check("the first is the attention's part, the second the MLP's")
def are_the_parts(case, seen):
    block, before = look(case, case.layer), look(case, case.layer - 1)
    attention, mlp = seen["parts"]
    mistakes = {
        "swaps_them": when(
            lambda: is_close(attention, block["mlp"]) and is_close(mlp, block["attention"]),
            "these are the two parts, in the other order",
            expected="attention, mlp",
            seen="mlp, attention",
        ),
        "another_layer": when(
            lambda: is_close(attention, before["attention"]) and is_close(mlp, before["mlp"]),
            f"these are the parts of block {case.layer - 1}: layers count from 0",
            expected=f"the parts of block {case.layer}",
            seen=f"those of block {case.layer - 1}",
        ),
        "assumes_a_middle": gives(
            block["attention"] + block["mlp"],
            "what you return for the MLP is all that the block wrote, the attention's part with it"
            + ("; a parallel block has no stream between the two" if case.map.kind == "parallel" else ""),
            see="chapters/2-architecture.md#parallel",
        ),
        "the_stream_for_a_part": gives(
            block["output"],
            "what you return for the MLP is the stream after the block; the MLP's part is what it adds to it",
        ),
        "takes_the_inputs": gives(
            block["mlp input"],
            "this is what the MLP reads; the part that it adds is what it gives out",
            see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
        ),
    }
    rule_out(mistakes, mlp, expected=block["mlp"])
    expect_close(attention, block["attention"], f"the attention's part of block {case.layer}")
    expect_close(mlp, block["mlp"], f"the MLP's part of block {case.layer}")


@check("input + attention + mlp is the block's output")
def add_up(case, seen):
    block = look(case, case.layer)
    attention, mlp = seen["parts"]
    expect_close(block["input"] + attention + mlp, block["output"], "the sum of the input and your two parts")


@check("nothing is left on the model", see="chapters/1-hook-basics.md#when-something-fails-hooks-stay")
def is_clean(case, seen):
    if seen["hooks after"] != seen["hooks before"]:
        raise Wrong(
            "leaves_hooks_on",
            "the parts are right, and the hooks that kept them are still on the model",
            expected=f"hooks on the model: {seen['hooks before']}",
            seen=f"hooks on the model: {seen['hooks after']}",
        )
    expect_close(seen["before"], case.logits(inputs(case)), "what the model says before")
    expect_same(seen["after"], seen["before"], "what the model says afterwards")


def explain_crash(case, crash):
    return {
        "names_from_the_loop": when(
            crash.type_name == "KeyError" and crash.line,
            f"no hook has stored anything under the name {crash.message}: hooks that are made in a loop read "
            "its variable when they run, and by then it has its last value",
            expected="a hook with a name of its own, as from a function keep_as(name)",
        ),
        "takes_a_tuple_for_a_tensor": when(
            crash.type_name == "AttributeError" and "'tuple' object" in crash.message,
            "attention returns a tuple, and you used it as if it were a tensor",
            expected="output[0] where the output is a tuple",
            see="chapters/2-architecture.md#what-each-part-is-called-with",
        ),
    }


def inputs(case):
    return case.ids(batch=2, seq=case.number("seq", 4, 7))


def look(case, layer):
    """What comes into a block and what it gives out, and the same of its parts, all [batch, seq, d_model]."""
    ids, parts = inputs(case), case.map
    block, attention, mlp = case.in_and_out(
        ids, parts.blocks[layer], parts.attention(layer), parts.mlp(layer)
    )
    return {
        "input": block[0],
        "output": block[1],
        "attention": attention[1].reshape(*ids.shape, -1),
        "mlp input": mlp[0],
        "mlp": mlp[1].reshape(*ids.shape, -1),
    }
