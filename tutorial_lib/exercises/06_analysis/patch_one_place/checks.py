from tutorial_lib import replace_output
from tutorial_lib.exercises.checking import (
    Wrong,
    check,
    expect_close,
    expect_no_hooks,
    expect_same,
    expect_tensor,
    is_close,
)
from tutorial_lib.exercises.mistakes import diagnose, gives, when
from tutorial_lib.exercises.seen import describe

SEQ = 6


def ids(case):
    return case.ids(SEQ, SEQ, "source"), case.ids(SEQ, SEQ, "target")


def mixed(case, index, layer, source, target):
    """The target's stream at a layer, with the source's at an index."""
    stream = case.streams(target)[layer]
    stream[index] = case.streams(source)[layer][index]
    return stream


def apart(a, b):
    return (a - b).abs().max()


def run_with(case, ids, layer, stream):
    """The logits when the stream at a layer is another one; layer n_layers is the last block's output."""
    blocks = case.map.blocks
    if layer < len(blocks):
        return case.logits(ids, [(blocks[layer], lambda module, args: (stream, *args[1:]))])
    return case.logits(ids, [], [(blocks[-1], lambda module, args, output: replace_output(output, stream))])


@check("the model is as it was afterwards", see="chapters/6-best-practices.md#1-use-a-context-manager")
def nothing_is_left(case, seen):
    _, target = ids(case)
    expect_close(seen["before"], case.logits(target), "what the model says before your function")
    if not is_close(seen["after"], seen["before"]):
        raise Wrong(
            "leaves_the_hook_on",
            "your function left its hook on the model, so every later run is patched too",
            expected="the target's own logits, as before your function",
            seen=f"logits that are up to {apart(seen['after'], seen['before']):.2g} away",
        )
    expect_no_hooks(
        seen["hooks left"],
        "leaves_a_hook_that_keeps",
        "your function left a hook on the model; it edits nothing, and keeps a stream with each run",
    )
    expect_same(seen["after"], seen["before"], "what the model says after your function")


@check("at these positions the block receives the source's stream, elsewhere the target's")
def is_the_patched_run(case, seen):
    source, target = ids(case)
    layer, positions = case.layer, case.positions(SEQ, 2)
    here = (slice(None), positions)
    wanted = run_with(case, target, layer, mixed(case, here, layer, source, target))
    found = expect_tensor(seen["patched"], "what you returned", tuple(wanted.shape))
    row, position = divmod(int((found - wanted.cpu()).abs().amax(-1).argmax()), SEQ)
    mistakes = {
        "returns_nothing": gives(
            lambda: case.logits(target),
            "the block never saw your edit: what the hook does not return is lost",
            seen="the target's own logits",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
        "patches_every_position": gives(
            lambda: case.logits(source),
            "you replaced the stream at every position, not only at those that were asked for",
            seen=f"the source's own logits, as if all {SEQ} positions were patched",
        ),
        "swaps_the_runs": gives(
            lambda: run_with(case, source, layer, mixed(case, here, layer, target, source)),
            "you patched a run of the source; it is the target that runs and the source that gives",
            seen=f"a run of the source, with the target's stream at positions {positions}",
        ),
        "patches_a_block_late": gives(
            lambda: run_with(case, target, layer + 1, mixed(case, here, layer + 1, source, target)),
            "you changed what the block gives out; what it receives is changed by a pre-hook",
            seen=f"the source's stream at these positions after block {layer}",
            see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in",
        ),
        "slices_the_batch": gives(
            lambda: run_with(case, target, layer, mixed(case, positions, layer, source, target)),
            "stream[positions] takes rows of the batch; the position is the second index",
            seen=f"the source's stream in rows {positions} of the batch, at all positions",
        ),
        "other_values": when(
            True,
            f"the logits are other ones, most of all in row {row} at position {position}; asked were "
            f"{positions}",
            expected=wanted[row, position],
            seen=found[row, position],
        ),
    }
    asked = f"the source's stream at positions {positions} of every row, before block {layer}"
    diagnose(found, wanted, mistakes, expected=asked)


@check(
    "your hook leaves the tensor that it is given as it is",
    see="chapters/7-pitfalls/2-what-you-change.md#an-edit-in-place",
)
def edits_a_copy(case, seen):
    source, target = ids(case)
    layer, positions = case.layer, case.positions(SEQ, 2)
    spoilt = mixed(case, (slice(None), positions), layer, source, target)
    for stream in seen["handed on"]:
        if is_close(stream, spoilt):
            raise Wrong(
                "edits_in_place",
                "you assigned into the tensor that the hook was given, which the block before still holds",
                expected=f"block {layer - 1} still has the target's stream",
                seen="it has the source's at the patched positions: " + describe(stream[:, positions]),
            )


@check("a run that is patched with itself is the run")
def itself_is_no_change(case, seen):
    _, target = ids(case)
    expect_close(
        seen["from itself"], case.logits(target), "what you returned for a source that is the target"
    )


@check("with every position patched the logits are the source's")
def everywhere_is_the_source(case, seen):
    source, _ = ids(case)
    expect_close(seen["everywhere"], case.logits(source), "what you returned for all positions")
