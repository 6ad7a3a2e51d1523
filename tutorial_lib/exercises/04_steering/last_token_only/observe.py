import torch

from tutorial_lib import add_hooks, read_output
from tutorial_lib.exercises.notes import as_pairs, form_of, hooks_on


def observe(answer, case):
    model, layer, vector = case.model, case.layer, 5 * case.direction()
    ids = case.ids(batch=3, seq=6)
    seen = {}
    for side in ("right", "left"):
        mask = mask_of(case, side)
        returned = answer(model, layer, vector, mask)
        pairs, seen["form"] = as_pairs(returned), form_of(returned)
        seen["are pairs"], seen["hooks at once"] = pairs is not None, hooks_on(model)
        if not seen["are pairs"] or seen["hooks at once"]:
            return seen
        kept = {}

        def keep_what_is_given_out(module, args, output, kept=kept):
            kept["given out"] = read_output(output)  # the tensor itself, so that an edit in place shows

        def keep_what_is_received(module, args, kept=kept):
            kept["received"] = args[0].clone()

        before, block = case.map.blocks[layer - 1], case.map.blocks[layer]
        with add_hooks(pairs), before.register_forward_hook(keep_what_is_given_out):
            # Registered after the answer's hooks, so it sees what they have done.
            with block.register_forward_pre_hook(keep_what_is_received), torch.no_grad():
                seen[f"logits, {side}"] = model(ids, attention_mask=mask).logits
        seen[f"stream, {side}"], seen[f"given out, {side}"] = kept["received"], kept["given out"]
    return seen


def mask_of(case, side):
    """Rows of 4, 6 and 3 tokens in some order, padded on a side."""
    lengths = torch.tensor([4, 6, 3]).roll(case.number("roll", 0, 2))[:, None]
    columns = torch.arange(6)
    mask = columns < lengths if side == "right" else columns >= 6 - lengths
    return mask.long().to(case.spec.device)
