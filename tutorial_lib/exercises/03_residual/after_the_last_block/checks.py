import torch

from tutorial_lib.exercises.checking import check, expect_no_hooks, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when
from tutorial_lib.exercises.seen import describe


@check("it is what the last block gives out")
def is_the_last_stream(case, seen):
    streams, found, n = (
        case.streams(case.ids(batch=3, seq=case.number("seq", 5, 8))),
        seen["stream"],
        case.n_layers,
    )
    wanted = streams[n]
    with torch.no_grad():
        normed = case.map.final_norm(wanted)
    mistakes = {
        "after_the_final_norm": gives(
            normed, "you returned the stream after the final norm: that is what `hidden_states[-1]` is"
        ),
        "input_of_the_last_block": gives(
            streams[n - 1],
            f"you returned what block {n - 1} is called with, which is the stream at layer {n - 1}; a "
            "forward hook sees what it gives out",
            see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
        ),
        "slices_the_batch": gives(
            wanted[0],
            "you returned the first row of the batch: this block returns a tensor, and `output[0]` slices "
            "the batch",
            see="chapters/7-pitfalls/1-what-you-read.md#output0-is-a-row-of-the-batch",
        ),
        "returns_the_output_as_it_is": when(
            lambda: isinstance(found, list) and found and is_close(found[0], wanted),
            "you returned all that the block gives out: in this model a tuple, with the stream at the front",
            see="chapters/1-hook-basics.md#a-forward-hook-sees-what-comes-out",
        ),
    }
    diagnose(found, wanted, mistakes, expected=f"the output of block {n - 1}: {describe(wanted)}")


@check("the hook is off again", see="chapters/1-hook-basics.md#the-context-manager")
def is_off(case, seen):
    expect_no_hooks(
        seen["hooks left"],
        "leaves_the_hook_on",
        "your hook is still on the model after the function has returned",
    )
