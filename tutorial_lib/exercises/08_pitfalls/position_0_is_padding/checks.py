import torch

from tutorial_lib import add_hooks
from tutorial_lib.exercises.checking import Wrong, check, expect_tensor, is_close
from tutorial_lib.exercises.mistakes import diagnose, gives


def padded_batch(case):
    ids = case.ids(batch=3, seq=8)
    mask = torch.ones_like(ids)
    for row, padding in enumerate([case.number("padding", 1, 2), 0, case.number("more padding", 3, 4)]):
        mask[row, :padding] = 0
    return {"input_ids": ids, "attention_mask": mask}


def at(mask, positions):
    """True at some positions of each row: `[batch, seq]`."""
    where = torch.zeros_like(mask, dtype=torch.bool)
    for row, listed in enumerate(positions):
        where[row, listed] = True
    return where


def logits_of_tokens(logits, case):
    """Without those at padding, of which nothing is asked: `[tokens, vocab]`."""
    return logits[padded_batch(case)["attention_mask"].bool().cpu()]


def steered(case, where):
    """The vector added at some places to what comes into the block."""
    vector = 10 * case.direction()
    hooks = case.steering(lambda stream: torch.where(where[..., None], stream + vector, stream))
    with torch.no_grad(), add_hooks([], hooks):
        return logits_of_tokens(case.model(**padded_batch(case)).logits.cpu(), case)


@check("each text is steered at its first token, and nowhere else")
def steers_first_tokens(case, seen):
    mask = padded_batch(case)["attention_mask"]
    first = [row.tolist().index(1) for row in mask]
    found = logits_of_tokens(expect_tensor(seen["steered"], "what the model says"), case)
    wanted = steered(case, at(mask, [[position] for position in first]))
    expected = f"edited, by text: {[[position] for position in first]}"
    last = [[sum(row.tolist()) - 1] for row in mask]
    columns = sorted(set(first))
    mistakes = {
        "position_0": gives(
            lambda: steered(case, at(mask, [[0]] * 3)),
            "you edited position 0 of each row, which is padding in the shorter texts",
            seen="[[0], [0], [0]]",
        ),
        "one_start_for_all": gives(
            lambda: steered(case, at(mask, [[first[0]]] * 3)),
            "you took the start of the first text for that of all texts",
            seen=f"{[[first[0]]] * 3}",
        ),
        "every_row_at_every_start": gives(
            lambda: steered(case, at(mask, [columns] * 3)),
            "you edited each row at the starts of all texts: `[:, first]` does not pair rows with positions",
            seen=f"{[columns] * 3}",
        ),
        "every_token": gives(
            lambda: steered(case, mask.bool()),
            "you edited every token of each text, not the first one",
            seen=f"{[list(range(start, mask.shape[1])) for start in first]}",
        ),
        "as_if_padded_on_the_right": gives(
            lambda: steered(case, at(mask, last)),
            "you took the number of tokens for a position, but the padding is on the left",
            seen=f"{last}",
        ),
        "no_effect": gives(
            lambda: steered(case, at(mask, [[]] * 3)), "no token was edited", seen="[[], [], []]"
        ),
    }
    diagnose(found, wanted, mistakes, "what the model says at the tokens of the batch", expected=expected)


@check("the hook can be taken off", see="chapters/1-hook-basics.md#a-pre-hook-sees-what-comes-in")
def comes_off(case, seen):
    plain = steered(case, at(padded_batch(case)["attention_mask"], [[]] * 3))
    if not is_close(logits_of_tokens(seen["after"], case), plain):
        raise Wrong(
            "stays_on",
            "after handle.remove() the model is still steered",
            expected="the handle that register_forward_pre_hook gave",
            seen=seen["handle"] if seen["handle"] is not None else "None was returned",
        )
