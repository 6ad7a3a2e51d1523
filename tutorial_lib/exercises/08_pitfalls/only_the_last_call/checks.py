import torch

from tutorial_lib import get_residual_stream_at_layer
from tutorial_lib.exercises.checking import Wrong, check, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives, when

CLOSE = 1e-3  # a text that passes in pieces is rounded otherwise than one that passes as a whole


def sizes(case):
    return case.number("prompt", 4, 6), case.number("new tokens", 3, 4)


def whole_stream(case):
    """Of one plain pass over the finished text, without its last token."""
    prompt, new = sizes(case)
    ids = case.ids(batch=2, seq=prompt)
    with torch.no_grad():
        text = case.model.generate(
            ids, do_sample=False, pad_token_id=0, max_new_tokens=new, min_new_tokens=new
        )
    return get_residual_stream_at_layer(case.model, case.layer, text[:, :-1])


@check("the stream of the whole text is returned")
def the_whole_text(case, seen):
    prompt, new = sizes(case)
    wanted, found = whole_stream(case), seen["stream"]
    shape = f"shape {list(wanted.shape)}: {prompt} tokens of the prompt and {new - 1} of the {new} new ones"
    if isinstance(found, list):
        raise Wrong(
            "not_joined",
            "you returned the pieces one by one; join them along the sequence, torch.cat(pieces, dim=1)",
            expected=f"one tensor of {shape}",
            seen=found,
        )
    found = expect_tensor(found, "what you returned")
    mistakes = {
        "only_the_last_call_is_kept": gives(
            wanted[:, -1:], "you returned the stream of the last call alone, which holds one token"
        ),
        "only_the_first_call_is_kept": gives(
            wanted[:, :prompt],
            "you returned the stream of the first call alone, the prompt's; the new tokens are missing",
        ),
        "the_last_token_of_each_call": gives(
            wanted[:, prompt - 1 :],
            "you kept the last token of each call, and the first call brings the whole prompt",
        ),
        "one_token_too_many": when(
            found.shape[1:2] == (prompt + new,) and is_close(found[:, :-1], wanted, CLOSE),
            "you ran the model on the last new token as well, which generate never does",
        ),
    }
    what, there = "the stream that you returned", f"shape {list(found.shape)}"
    diagnose(found, wanted, mistakes, what, tolerance=CLOSE, expected=shape, seen=there)


@check("no hook is left", see="chapters/7-pitfalls/4-hooks-that-stay-or-never-fire.md#hooks-add-up")
def no_hook_is_left(case, seen):
    if seen["hooks left"] != 0:
        raise Wrong(
            "hook_left",
            "your hook is still on the block",
            expected="0 hooks more than before",
            seen=f"{seen['hooks left']} hooks more than before",
        )


def explain_crash(case, crash):
    return {
        "joined_along_the_batch": when(
            "Sizes of tensors must match except in dimension" in crash.message,
            "you joined the pieces along another dimension than the sequence: torch.cat takes the first one, "
            "the batch, unless you say dim=1",
            expected="pieces of 1 token each put after the prompt",
            seen=crash.message,
        ),
    }
