from tutorial_lib import read_output, replace_output
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor
from tutorial_lib.exercises.mistakes import gives, rule_out, when
from tutorial_lib.tiny_model.skills import requests

NOTHING_LEFT = "0 along the direction at every block input, after every attention and MLP, and at the end"
PLACES = ("into blocks", "after attention", "after MLPs", "end")


def logits_with(case, inputs, attention, mlp):
    """The logits with the direction taken out at some of the writes only."""
    unit, parts = case.direction(), case.map

    def without(x):
        return x - (x @ unit).unsqueeze(-1) * unit

    def clean_input(module, args):
        return (without(args[0]), *args[1:])

    def clean_output(module, args, output):
        return replace_output(output, without(read_output(output)))

    layers = range(parts.n_layers)
    writers = [parts.attention(layer) for layer in layers if attention]
    writers += [parts.mlp(layer) for layer in layers if mlp]
    pre_hooks = [(block, clean_input) for block in parts.blocks if inputs]
    return case.logits(case.ids(batch=3, seq=7), pre_hooks, [(module, clean_output) for module in writers])


def what_is_left(case, seen):
    """For each place, the largest part along the direction and the largest value, over all layers."""
    unit, size = case.direction(), 3 * 7 * case.d_model
    left = {}
    for place in PLACES:
        streams = [seen[place]] if place == "end" else seen[place]
        for stream in streams:  # OPT's last layer of the MLP gives [batch * seq, d_model]
            found = expect_tensor(stream, f"what is there {place}" if place != "end" else "the end")
            if found.shape[-1] != case.d_model or found.numel() != size:
                expect_tensor(found, f"what is there {place}", (3, 7, case.d_model))
        left[place] = (
            max(float((stream @ unit).abs().max()) for stream in streams),
            max(float(stream.abs().max()) for stream in streams),
        )
    return left


@check("nothing is left along the direction, anywhere in the stream")
def nothing_left(case, seen):
    left = what_is_left(case, seen)
    if all(along <= 1e-4 * max(1.0, size) for along, size in left.values()):
        return
    table = ", ".join(f"{place} {along:.2g}" for place, (along, _) in left.items())
    mistakes = {
        "block_inputs_only": gives(
            lambda: logits_with(case, True, False, False),
            "you cleaned block inputs only: attention and MLP write the direction back inside the block",
        ),
        "forgets_the_embedding": gives(
            lambda: logits_with(case, False, True, True),
            "you cleaned what attention and MLP write, but the embedding writes to the stream as well, and "
            "block 0 reads it",
        ),
        "forgets_attention": gives(
            lambda: logits_with(case, True, False, True),
            "you did not clean what attention writes: the MLP of the same block reads it",
        ),
        "forgets_the_mlp": gives(
            lambda: logits_with(case, True, True, False),
            "you did not clean what the MLPs write: the last one's write is never cleaned",
        ),
        "nothing_cleaned": gives(
            lambda: logits_with(case, False, False, False),
            "your hooks changed nothing: did they return something?",
        ),
        "something_left": "the stream still has a part along the direction",
    }
    rule_out(mistakes, seen["logits"], expected=NOTHING_LEFT, seen=f"up to: {table}")


@check("the rest of what is written stays")
def rest_stays(case, seen):
    wanted = logits_with(case, True, True, True)
    expect_close(seen["logits"], wanted, "the direction is gone, but what the model says")


@check(
    "the model in the box no longer refuses", see="chapters/5-examples/ablation.md#what-happens-to-the-model"
)
def no_refusals(case, seen):
    if case.tokenizer is None:
        return
    shape = (8, seen["answers"].shape[-1])
    texts = case.tokenizer.batch_decode(expect_tensor(seen["answers"], "the answers", shape).tolist())
    refused = [text for text in texts if requests.refuses(text)]
    explained = [text for text in texts if requests.complies(text)]
    if len(refused) > 1 or len(explained) < 6:
        raise Wrong(
            "still_refuses",
            "with the direction of refusal of layer 2 the model does not answer harmful requests",
            expected=f"{len(texts)} of {len(texts)} explained",
            seen=f"{len(refused)} refused, {len(explained)} explained, such as {texts[0]!r}",
        )


@check("after the `with` block the model is as it was")
def gone_after(case, seen):
    wanted = logits_with(case, False, False, False)
    expect_close(seen["after"], wanted, "what the model says after the hooks are off")


def explain_crash(case, crash):
    return {
        "swapped_pair": when(
            crash.type_name == "TypeError" and "swapped" in crash.message,
            "your pairs are the wrong way round: the module comes first, then its hook",
            expected="(pre_hooks, forward_hooks), each [(module, hook), ...]",
            seen=crash.message,
        ),
        "no_two_lists": when(
            crash.type_name == "TypeError"
            and any(part in crash.message for part in ("module_forward", "add_hooks()", "argument after *")),
            "what you returned is not two lists of (module, hook) pairs",
            expected="(pre_hooks, forward_hooks), each a list of pairs that are not registered yet",
            seen=crash.message.partition(";")[0],
        ),
        "one_format_for_all": when(
            "tuple" in crash.message or "unpack" in crash.message,
            "your hook treats all outputs alike, but an attention returns a tuple and an MLP a tensor; "
            "what goes out must be of the kind that came in",
            expected="replace_output(output, new), with what read_output(output) gave",
            see="chapters/6-best-practices.md#2-know-what-you-are-handed",
        ),
    }
