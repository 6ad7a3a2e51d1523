import torch

from tutorial_lib.exercises.checking import Wrong, check, expect_close, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import gives, rule_out, when


def the_stream(case):
    """The raw output of the last block, and what the model gives out with its hidden states."""
    with torch.no_grad():
        return case.streams(case.ids())[-1], case.model(case.ids(), output_hidden_states=True)


@check("it is the stream after the last block, before the final norm")
def before_the_norm(case, seen):
    stream, output = the_stream(case)
    norm, last = case.map.final_norm, output.hidden_states[-1]
    found = seen["stream"]
    expected = f"what block {case.n_layers - 1} returned: the final norm of it, unembedded, gives the logits"
    if isinstance(found, torch.Tensor) and is_close(found, stream[0]):
        raise Wrong(
            "slices_the_batch",
            "this slices the batch: the block's output is a tensor here, and `output[0]` is its first row",
            expected=stream,
            seen=found,
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        )
    found = expect_tensor(found, "what you returned", tuple(stream.shape))
    if is_close(found, stream):
        return
    bias = getattr(norm, "bias", None)
    with torch.no_grad():
        again, undone = norm(last), (last if bias is None else last - bias) / norm.weight
    mistakes = {
        "still_normed": gives(last, "this is still the last hidden state, with the final norm behind it"),
        "one_block_too_early": gives(
            output.hidden_states[-2],
            "this is what the last block received; what it wrote is missing",
            seen=f"the input of block {case.n_layers - 1}",
        ),
        "norms_it_again": gives(
            again,
            "the last hidden state has passed the final norm, and you applied it once more",
            seen=f"a stream that was normed twice, {length(found, stream)}",
        ),
        "undoes_the_weight_only": when(
            is_close(found, undone, 1e-3),
            "you took back the weight of the norm, but it also divided each position by its length, which is "
            "not in its output any more",
        ),
        "another_tensor": when(True, "this is not the stream at the end", expected=stream, seen=found),
    }
    rule_out(mistakes, found, expected=expected, seen=length(found, stream))


def length(found, stream):
    """How long the vectors are, and how long they should be."""
    lengths = [float(each.norm(dim=-1).mean()) for each in (found, stream)]
    return "vectors of length {:.3g} on average, where the stream's are {:.3g}".format(*lengths)


@check("the model is as it was")
def as_it_was(case, seen):
    stream, output = the_stream(case)
    last = seen["hidden states"][-1] if seen["hidden states"] else None
    if last is not None and is_close(last, stream) and not is_close(stream, output.hidden_states[-1]):
        raise Wrong(
            "leaves_a_setting",
            "you changed a setting of the model, and now all who ask for its hidden states get other ones",
            expected=output.hidden_states[-1],
            seen=last,
        )
    if not seen["hidden states"]:
        raise Wrong(
            "clears_the_hooks",
            "after your function the model gives no hidden states: you took off hooks of transformers, too",
            expected=f"{case.n_layers + 1} hidden states",
            seen="none",
            see="chapters/7-pitfalls/1-what-you-read.md#hidden_states-is-empty",
        )
    expect_close(last, output.hidden_states[-1], "the last hidden state afterwards")
    expect_close(seen["logits"], output.logits, "what the model says afterwards")
