import torch

from tutorial_lib import add_hooks, cache_residual_streams, read_output
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import rule_out, when
from tutorial_lib.exercises.seen import describe


def ids_of(case):
    return case.ids(batch=3, seq=case.number("seq", 5, 8))


def streams_of(case):
    """The streams 0 to n_layers."""
    cache, _ = cache_residual_streams(case.model, ids_of(case), after_last_block=True)
    return list(cache.values())


def outputs_of(case, modules):
    """What modules return when the model runs."""
    found = {}

    def keep(module, args, output):
        found[module] = read_output(output).clone()

    with add_hooks(module_forward_hooks=[(module, keep) for module in modules]):
        case.logits(ids_of(case))
    return [found[module] for module in modules]


def entries(seen):
    """What was returned as a list of tensors; a tensor with the blocks in front is as good."""
    added = seen["added"]
    return list(added) if isinstance(added, torch.Tensor) and added.ndim == 4 else added


def all_close(found, wanted):
    return all(is_close(one, other) for one, other in zip(found, wanted, strict=True))


@check("there is one tensor for each block")
def one_for_each(case, seen):
    added, n = entries(seen), case.n_layers
    mistakes = {
        "no_list": when(not isinstance(added, list), "you did not return a list"),
        "another_number": when(
            len(added) != n,
            f"there are {n} blocks, and your list has {len(added)} entries; the input of block 0 is none of "
            "them",
        ),
    }
    rule_out(mistakes, expected=f"a list of {n} tensors", seen=added)
    for layer, one in enumerate(added):
        expect_tensor(one, f"your entry {layer}", (*ids_of(case).shape, case.d_model))


@check("the input and all that is added sum to the stream after the last block")
def sum_to_the_last_stream(case, seen):
    streams, added, n = streams_of(case), entries(seen), case.n_layers
    total = streams[0] + sum(one.to(streams[0]) for one in added)
    if is_close(total, streams[n]):
        return
    values = {
        "expected": f"the stream at layer {n}: {describe(streams[n])}",
        "seen": f"the sum: {describe(total)}",
    }
    wanted = [after - before for before, after in zip(streams, streams[1:], strict=False)]
    if all_close(added[:-1], wanted[:-1]):
        with torch.no_grad():
            normed = case.map.final_norm(streams[n])
        if is_close(added[-1], normed - streams[n - 1]):
            raise Wrong(
                "the_last_entry_is_normed",
                "your last entry is the difference to `hidden_states[-1]`, which is taken after the final "
                "norm; all others are right",
                see="chapters/4-residual-stream.md#the-last-hidden-state-is-something-else",
                **values,
            )
        raise Wrong("another_last_entry", "all but your last entry are right", **values)
    if all_close(added, streams[1:]):
        raise Wrong(
            "returns_the_outputs",
            "you returned what each block gives out; that is the whole stream, not what the block adds to it",
            **values,
        )
    if all_close(added, [-one for one in wanted]):
        raise Wrong("the_wrong_way_round", "you subtracted the output from the input", **values)
    firsts = [after[:1] - before for before, after in zip(streams, streams[1:], strict=False)]
    if all_close(added, firsts):
        raise Wrong(
            "slices_the_batch",
            "the first row is right and the others are not: this block returns a tensor, `output[0]` is its "
            "first row, and the subtraction broadcast that to all rows",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
            **values,
        )
    attentions = outputs_of(case, [case.map.attention(layer) for layer in range(n)])
    mlps = outputs_of(case, [case.map.mlp(layer) for layer in range(n)])
    if all_close(added, attentions):
        raise Wrong(
            "only_attention",
            "you returned what attention gives out; the MLP writes to the stream as well",
            **values,
        )
    if all_close(added, mlps):
        raise Wrong(
            "only_the_mlp",
            "you returned what the MLPs give out; attention writes to the stream as well",
            **values,
        )
    if all_close(added, [a + m for a, m in zip(attentions, mlps, strict=True)]):
        raise Wrong(
            "adds_what_the_parts_return",
            "you added what attention and MLP return, but in this model these parts add the stream to it "
            "themselves; look at the block from outside",
            see="chapters/7-pitfalls/6-architectures.md#the-parts-do-not-add-up",
            **values,
        )
    raise Wrong("another_sum", "the input and your entries have another sum", **values)


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
