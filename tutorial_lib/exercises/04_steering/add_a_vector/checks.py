import torch

from tutorial_lib import add_hooks, get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_pairs, expect_same, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when
from tutorial_lib.exercises.seen import describe


def ids_of(case):
    return case.ids(batch=2, seq=8)


def vector_of(case):
    """What is to be added."""
    return case.number("coefficient", 2, 4) * 5 * case.direction()


def steered(case, addition, layer=None):
    """The logits when something is added to the stream: `[d_model]`, or `[batch, seq, d_model]`."""
    block = case.map.blocks[case.layer if layer is None else layer]
    return case.logits(ids_of(case), [(block, lambda module, args: (args[0] + addition, *args[1:]))])


def cached_without_arguments(case):
    """The logits of the second half of the text when block `layer` gets the stream and nothing else."""

    def add_only(module, args):
        return (args[0] + vector_of(case),)

    ids = ids_of(case)
    with add_hooks([(case.map.blocks[case.layer], add_only)]), torch.no_grad():
        first = case.model(ids[:, :5], use_cache=True)
        return case.model(ids[:, 5:], past_key_values=first.past_key_values).logits


def explain_crash(case, crash):
    return {
        "another_dtype": when(
            any(word in crash.message.lower() for word in ("dtype", "scalar type", "double")),
            "you added a float64 vector to a float32 stream: the sum is float64, and the next module that "
            "multiplies it by float32 weights raises",
            expected="a stream that keeps its dtype, whatever the vector has",
            see="chapters/7-pitfalls/2-what-you-change.md#a-float32-vector-in-a-bfloat16-model",
        ),
    }


@check(
    "it returns pairs for add_hooks and registers nothing",
    see="chapters/3-step-by-step.md#step-3-register-it",
)
def returns_pairs(case, seen):
    expect_pairs(seen["are pairs"], seen["form"], seen["hooks at once"])


@check("the block gets the stream plus coefficient * vector at every position")
def adds_the_vector(case, seen):
    layer, found, ids = case.layer, seen["steered"], ids_of(case)
    vector, coefficient = vector_of(case), case.number("coefficient", 2, 4)
    expect_close(seen["plain"], case.logits(ids), "what the model says without your hooks")
    wanted = steered(case, vector)
    last, row = torch.zeros(2, *ids.shape, case.d_model, device=case.spec.device)
    last[:, -1], row[0] = vector, vector
    mistakes = {
        "returns_nothing": gives(
            seen["plain"],
            "the block got the old stream: your hook made a new tensor, but returned nothing, or the old one",
            see="chapters/1-hook-basics.md#what-a-pre-hook-may-return",
        ),
        "only_the_last_position": gives(
            lambda: steered(case, last), "you edited the last position of each row, not every position"
        ),
        "slices_the_batch": gives(
            lambda: steered(case, row),
            "you edited row 0 of the batch only: the stream is `args[0]`, and one more `[0]` slices the "
            "batch",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        ),
        "counts_layers_from_one": gives(
            lambda: steered(case, vector, layer - 1),
            f"you edited layer {layer - 1}; layers are counted from 0",
        ),
        "ignores_the_coefficient": gives(
            lambda: steered(case, vector / coefficient), "you added the vector once, whatever the coefficient"
        ),
    }
    what = f"what the model says when it is steered at layer {layer}"
    expected = f"logits of the model steered at layer {layer}: {describe(wanted)}"
    diagnose(
        found, wanted, mistakes, what, expected=expected, seen=f"logits with your hooks: {describe(found)}"
    )


@check(
    "with coefficient 0 nothing changes",
    see="chapters/6-best-practices.md#6-check-with-nothing-then-with-noise",
)
def zero_is_a_no_op(case, seen):
    expect_same(seen["coefficient 0"], seen["plain"], "what the model says with coefficient 0")


@check(
    "a vector of another dtype is moved",
    see="chapters/6-best-practices.md#7-follow-the-streams-dtype-and-device",
)
def follows_the_dtype(case, seen):
    expect_close(seen["float64"], steered(case, vector_of(case)), "what the model says with a float64 vector")
    if seen["float64"].dtype != seen["plain"].dtype:
        raise Wrong(
            "another_dtype_of_logits",
            "with a float64 vector the rest of the model runs in another dtype",
            expected=f"logits of {seen['plain'].dtype}",
            seen=f"logits of {seen['float64'].dtype}",
        )


@check("the model's own tensors stay as they are", see="chapters/1-hook-basics.md#edit-a-copy")
def edits_a_copy(case, seen):
    layer, found = case.layer, seen["stream of the model"]
    wanted = get_residual_stream_at_layer(case.model, layer, ids_of(case))
    if not is_close(found, wanted):
        raise Wrong(
            "edits_in_place",
            f"you edited in place: what block {layer - 1} gave out has changed after the fact",
            expected=f"the output of block {layer - 1} as it was: {describe(wanted)}",
            seen=describe(found),
        )


@check(
    "the block's other arguments are kept",
    see="chapters/7-pitfalls/2-what-you-change.md#a-bare-tensor-drops-the-other-arguments",
)
def keeps_the_arguments(case, seen):
    found, wanted = seen["with a cache"], steered(case, vector_of(case))[:, 5:]
    if not is_close(found, wanted) and is_close(found, cached_without_arguments(case)):
        raise Wrong(
            "drops_the_arguments",
            "your hook returned the stream alone, so the block lost its other positional arguments, and with "
            "them the cache of the tokens before",
            expected=f"with a cache the same logits as without: {describe(wanted)}",
            seen=describe(found),
        )
    expect_close(
        found, wanted, "what the model says of the last three tokens when the first five are in a cache"
    )


@check("nothing is left after the hooks are off")
def leaves_nothing(case, seen):
    expect_same(seen["after"], seen["plain"], "what the model says when the hooks are off again")
