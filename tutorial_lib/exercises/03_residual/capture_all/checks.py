from tutorial_lib import add_hooks
from tutorial_lib.exercises.checking import Wrong, check, expect_close, is_close
from tutorial_lib.exercises.mistakes import rule_out, when
from tutorial_lib.exercises.seen import describe


def ids_of(case):
    return case.ids(batch=2, seq=case.number("seq", 5, 8))


def streams_of(case, hooks=()):
    """The streams 0 to n_layers - 1; with pre-hooks on the model, if any are given."""
    with add_hooks(list(hooks)):
        return case.streams(ids_of(case))[:-1]


def double(module, args):
    return (2 * args[0], *args[1:])


@check("it is a dictionary with one entry for each block")
def has_every_layer(case, seen):
    found, n = seen["streams"], case.n_layers
    wanted = f"a dictionary with the keys 0 to {n - 1}"
    if not isinstance(found, dict):
        raise Wrong("no_dictionary", "you did not return a dictionary", expected=wanted, seen=found)
    keys = list(found)
    if sorted(keys) == sorted(str(layer) for layer in range(n)):
        return
    mistakes = {
        "all_hooks_share_one_number": when(
            keys == [str(n - 1)],
            "all your hooks wrote under the last number: a function made in a loop looks up `layer` when it "
            "runs, and by then the loop is over",
            see="chapters/4-residual-stream.md#the-key-insight",
        ),
        "one_entry_too_many": when(
            len(keys) == n + 1,
            "you returned all of `hidden_states`: it has one entry more than there are blocks, and the last "
            "one is taken after the final norm",
            see="chapters/4-residual-stream.md#the-last-hidden-state-is-something-else",
        ),
        "other_keys": "your dictionary has other keys",
    }
    rule_out(mistakes, expected=wanted, seen=f"the keys {', '.join(keys)}" if keys else "no keys")


@check("each entry is what its block is called with")
def are_the_inputs(case, seen):
    for layer, wanted in enumerate(streams_of(case)):
        expect_close(seen["streams"][str(layer)], wanted, f"your entry {layer}")


@check("each entry equals hidden_states bit for bit", see="chapters/4-residual-stream.md#the-key-insight")
def equal_the_hidden_states(case, seen):
    for layer in range(case.n_layers):
        difference = (seen["streams"][str(layer)] - seen["hidden states"][layer]).abs().max()
        if difference > 0:
            raise Wrong(
                "close_but_not_equal",
                f"your entry {layer} is close to the stream, but not equal to the bit: something was "
                "computed with it",
                expected=f"a difference of 0 to hidden_states[{layer}]",
                seen=f"a difference of up to {difference:.2g}",
            )


@check("the model runs once")
def runs_once(case, seen):
    if seen["runs"] != 1:
        raise Wrong(
            "one_run_a_layer",
            f"you ran the model {seen['runs']} times; one run passes every block",
            expected="1 run of the first block",
            seen=f"{seen['runs']} runs",
        )


@check("the hooks are off again", see="chapters/1-hook-basics.md#the-context-manager")
def are_off(case, seen):
    if seen["hooks left"]:
        raise Wrong(
            "removes_only_the_last",
            f"of your {case.n_layers} hooks, {len(seen['hooks left'])} are still on the model after the "
            "function has returned: each handle takes off one hook",
            expected="no hook on the model",
            seen=f"{len(seen['hooks left'])} hooks; the first: {seen['hooks left'][0]}",
        )


@check("an edit by a hook that is on a block already is in it")
def have_the_edit(case, seen):
    found, layer = seen["streams, doubled"], case.layer
    plain, edited = streams_of(case), streams_of(case, [(case.map.blocks[layer], double)])
    if is_close(found[str(layer)], plain[layer]):
        raise Wrong(
            "reads_hidden_states",
            f"a hook on block {layer} doubled the stream, and your entry {layer} is as it was before: "
            "`hidden_states` does not show what the block gets",
            expected=f"twice the stream at layer {layer}: {describe(edited[layer])}",
            seen=describe(found[str(layer)]),
            see="chapters/7-pitfalls/1-what-you-read.md#output_hidden_states-does-not-show-your-edit",
        )
    for number, wanted in enumerate(edited):
        expect_close(
            found[str(number)], wanted, f"your entry {number} while a hook doubles the stream at {layer}"
        )


@check("each entry is a copy", see="chapters/6-best-practices.md#3-clone-what-you-keep")
def are_copies(case, seen):
    found = seen["streams, wiped later"]
    for layer, wanted in enumerate(streams_of(case)):
        if is_close(found[str(layer)], 0 * wanted):
            raise Wrong(
                "keeps_the_models_tensors",
                f"your entry {layer} is the model's own tensor; when that was set to zero in place after the "
                "block, so was yours",
                expected=f"a copy of the stream at layer {layer}: {describe(wanted)}",
                seen=describe(found[str(layer)]),
            )
        expect_close(found[str(layer)], wanted, f"your entry {layer} while later hooks edit in place")


@check(
    "no entry holds on to a graph",
    see="chapters/7-pitfalls/5-memory-and-gradients.md#a-capture-holds-the-graph",
)
def are_detached(case, seen):
    if seen["with a graph"]:
        raise Wrong(
            "holds_the_graph",
            "what you returned requires gradients, so it keeps the activations of the whole run in memory; "
            "`clone` does not detach",
            expected="requires_grad is False in every entry",
            seen=f"it is True in {', '.join(seen['with a graph'])}",
        )
