import torch

from tutorial_lib import add_hooks, read_output
from tutorial_lib.exercises.notes import as_pairs, form_of, hooks_on


def observe(answer, case):
    ids = case.ids(batch=2, seq=8)
    model, layer, vector = case.model, case.layer, 5 * case.direction()
    coefficient = case.number("coefficient", 2, 4)
    seen, returned = {"plain": case.logits(ids)}, answer(model, layer, vector, coefficient)
    pairs, seen["form"] = as_pairs(returned), form_of(returned)
    seen["are pairs"], seen["hooks at once"] = pairs is not None, hooks_on(model)
    if not seen["are pairs"] or seen["hooks at once"]:
        return seen
    given_out = []

    def keep_what_is_given_out(module, args, output):
        given_out.append(read_output(output))  # the tensor itself, so that an edit in place shows

    with case.map.blocks[layer - 1].register_forward_hook(keep_what_is_given_out), add_hooks(pairs):
        seen["steered"] = case.logits(ids)
    seen["stream of the model"] = given_out[0]
    with add_hooks(as_pairs(answer(model, layer, vector, 0))):
        seen["coefficient 0"] = case.logits(ids)
    with add_hooks(as_pairs(answer(model, layer, vector.double(), coefficient))):
        seen["float64"] = case.logits(ids)
    with add_hooks(as_pairs(answer(model, layer, vector, coefficient))), torch.no_grad():
        first = model(ids[:, :5], use_cache=True)
        seen["with a cache"] = model(ids[:, 5:], past_key_values=first.past_key_values).logits
    seen["after"] = case.logits(ids)
    return seen
