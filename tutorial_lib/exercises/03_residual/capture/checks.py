from tutorial_lib.exercises.checking import Wrong, check, expect_no_hooks
from tutorial_lib.exercises.mistakes import diagnose, gives, when
from tutorial_lib.exercises.seen import describe


def ids_of(case):
    return case.ids(batch=2, seq=case.number("seq", 5, 8))


def streams_of(case):
    """The streams 0 to n_layers."""
    return case.streams(ids_of(case))


@check("it is what the block is called with")
def is_the_input(case, seen):
    streams, layer, found = streams_of(case), case.layer, seen["stream"]
    wanted = streams[layer]
    mistakes = {
        "returns_the_list": when(
            isinstance(found, list) and seen["type"] == "list",
            "you returned a list, in which your hook kept the stream; return its entry",
        ),
        "returns_the_args": when(
            isinstance(found, list), "you returned all of `args`, a tuple; the stream is its first element"
        ),
        "reads_the_output": gives(
            streams[layer + 1],
            f"you returned what block {layer} gives out, which is the stream at layer {layer + 1}; "
            "a pre-hook sees what comes in",
        ),
        "one_layer_early": gives(
            streams[layer - 1],
            f"you returned what block {layer - 1} is called with; layers are counted from 0, so block number "
            f"{layer} is `find_blocks(model)[{layer}]`",
        ),
        "slices_the_batch": gives(
            wanted[0],
            "you returned the first row of the batch: `args[0]` is the whole stream already, and one more "
            "`[0]` slices the batch",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        ),
        "reads_a_normalised_copy": gives(
            lambda: case.in_and_out(ids_of(case), case.map.attention(case.layer))[0][0],
            "you listened inside the block, where attention gets a normalised copy of the stream; hook the "
            "block itself",
            see="chapters/7-pitfalls/1-what-you-read.md#a-copy-that-was-normalised-is-not-the-stream",
        ),
    }
    expected = f"the input of block {layer}: {describe(wanted)}"
    diagnose(found, wanted, mistakes, f"what you returned for layer {layer}", expected=expected)


@check("it equals hidden_states[layer] bit for bit", see="chapters/4-residual-stream.md#the-key-insight")
def equals_the_hidden_state(case, seen):
    difference = (seen["stream"] - seen["hidden state"]).abs().max()
    if difference > 0:
        raise Wrong(
            "close_but_not_equal",
            "what you returned is close to the stream, but not equal to the bit: something was computed "
            "with it",
            expected=f"a difference of 0 to hidden_states[{case.layer}]",
            seen=f"a difference of up to {difference:.2g}",
        )


@check("the hook is off again", see="chapters/1-hook-basics.md#the-context-manager")
def is_off(case, seen):
    expect_no_hooks(
        seen["hooks left"],
        "leaves_the_hook_on",
        "your hook is still on the model after the function has returned",
    )


@check("layer 0 is what comes into the first block")
def starts_at_zero(case, seen):
    streams, found = streams_of(case), seen["stream 0"]
    mistakes = {
        "listens_to_the_block_before": gives(
            streams[-1],
            "you listened to the block before, at `layer - 1`; for layer 0 that is index -1, the last block",
            expected=f"the input of block 0: {describe(streams[0])}",
            seen=f"the output of the last block: {describe(found)}",
        ),
    }
    diagnose(found, streams[0], mistakes, "what you returned for layer 0")


@check("an edit by a hook that is on the block already is in it")
def has_the_edit(case, seen):
    wanted, found = 2 * streams_of(case)[case.layer], seen["stream, doubled"]
    mistakes = {
        "reads_hidden_states": gives(
            wanted / 2,
            "a hook on the block doubled the stream, and you returned it as it was before: `hidden_states` "
            "and the output of the block before do not show what the block gets",
            expected=f"twice the stream at layer {case.layer}: {describe(wanted)}",
            see="chapters/7-pitfalls/1-what-you-read.md#output_hidden_states-does-not-show-your-edit",
        ),
    }
    diagnose(found, wanted, mistakes, "what you returned while a hook doubles the stream")


@check("it is a copy", see="chapters/6-best-practices.md#3-clone-what-you-keep")
def is_a_copy(case, seen):
    wanted, found = streams_of(case)[case.layer], seen["stream, wiped later"]
    mistakes = {
        "keeps_the_models_tensor": gives(
            0 * wanted,
            "you kept the model's own tensor; when it was set to zero in place after the block, so was yours",
            expected=f"a copy of the stream at layer {case.layer}: {describe(wanted)}",
        ),
    }
    diagnose(found, wanted, mistakes, "what you returned while a later hook edits in place")
