import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when
from tutorial_lib.exercises.seen import describe


def ids_of(case):
    return case.ids(batch=3, seq=case.number("seq", 5, 8))


def streams_of(case):
    """The streams 0 to n_layers."""
    return case.streams(ids_of(case))


def outputs_of(case, part):
    """What the parts `"attention"` or `"mlp"` of all blocks return when the model runs."""
    modules = [getattr(case.map, part)(layer) for layer in range(case.n_layers)]
    return [output for _, output in case.in_and_out(ids_of(case), *modules)]


def entries(seen):
    """What was returned as a list of tensors; a tensor with the blocks in front is as good."""
    added = seen["added"]
    return list(added) if isinstance(added, torch.Tensor) and added.ndim == 4 else added


@check("there is one tensor for each block")
def one_for_each(case, seen):
    added, n = entries(seen), case.n_layers
    if not isinstance(added, list):
        raise Wrong("no_list", "you did not return a list", expected=f"a list of {n} tensors", seen=added)
    if len(added) != n:
        raise Wrong(
            "another_number",
            f"there are {n} blocks, and your list has {len(added)} entries; the input of block 0 is none of "
            "them",
            expected=f"a list of {n} tensors",
            seen=added,
        )
    for layer, one in enumerate(added):
        expect_tensor(one, f"your entry {layer}", (*ids_of(case).shape, case.d_model))


@check("the input and all that is added sum to the stream after the last block")
def sum_to_the_last_stream(case, seen):
    streams, added, n = streams_of(case), entries(seen), case.n_layers
    total = streams[0] + sum(one.to(streams[0]) for one in added)
    if is_close(total, streams[n]):
        return
    wanted = [after - before for before, after in zip(streams, streams[1:], strict=False)]
    with torch.no_grad():
        normed = case.map.final_norm(streams[n])
    attentions, mlps = outputs_of(case, "attention"), outputs_of(case, "mlp")
    mistakes = {
        "the_last_entry_is_normed": gives(
            [*wanted[:-1], normed - streams[n - 1]],
            "your last entry is the difference to `hidden_states[-1]`, which is taken after the final "
            "norm; all others are right",
            see="chapters/4-residual-stream.md#the-last-hidden-state-is-something-else",
        ),
        "another_last_entry": when(
            all(map(is_close, added[:-1], wanted[:-1])), "all but your last entry are right"
        ),
        "returns_the_outputs": gives(
            streams[1:],
            "you returned what each block gives out; that is the whole stream, not what the block adds to it",
        ),
        "the_wrong_way_round": gives([-one for one in wanted], "you subtracted the output from the input"),
        "slices_the_batch": gives(
            [after[:1] - before for before, after in zip(streams, streams[1:], strict=False)],
            "the first row is right and the others are not: this block returns a tensor, `output[0]` is its "
            "first row, and the subtraction broadcast that to all rows",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        ),
        "only_attention": gives(
            attentions, "you returned what attention gives out; the MLP writes to the stream as well"
        ),
        "only_the_mlp": gives(
            mlps, "you returned what the MLPs give out; attention writes to the stream as well"
        ),
        "adds_what_the_parts_return": gives(
            lambda: [a + m for a, m in zip(attentions, mlps, strict=True)],
            "you added what attention and MLP return, but in this model these parts add the stream to it "
            "themselves; look at the block from outside",
            see="chapters/7-pitfalls/6-architectures.md#the-parts-do-not-add-up",
        ),
        "another_sum": "the input and your entries have another sum",
    }
    expected = f"the stream at layer {n}: {describe(streams[n])}"
    rule_out(mistakes, added, expected=expected, seen=f"the sum: {describe(total)}")


@check("each entry is what its own block adds")
def is_of_its_block(case, seen):
    streams = streams_of(case)
    for layer, one in enumerate(entries(seen)):
        expect_close(one, streams[layer + 1] - streams[layer], f"your entry {layer}")


@check("the hooks are off again", see="chapters/1-hook-basics.md#the-context-manager")
def are_off(case, seen):
    if seen["hooks left"]:
        raise Wrong(
            "leaves_hooks_on",
            "hooks of yours are still on the model after the function has returned",
            expected="no hook on the model",
            seen=f"{len(seen['hooks left'])} hooks; the first: {seen['hooks left'][0]}",
        )
