import torch

from tutorial_lib import add_hooks, read_output


def observe(answer, case):
    ids = case.ids(batch=2, seq=8)
    mask = torch.ones_like(ids)
    mask[0, :2] = 0
    layers = [case.layer, case.other_layer]
    direction = 2.5 * case.direction()
    streams, kept = {}, []

    def run():
        with torch.no_grad():
            return case.model(ids, attention_mask=mask, use_cache=False).logits

    def look(layer):
        def hook(module, args):
            streams[str(layer)] = args[0].clone()

        return case.map.blocks[layer], hook

    def keep(module, args, output):
        kept.append(read_output(output))  # by reference: what the model holds

    pairs = answer(case.map.blocks, direction, layers)
    with add_hooks(pairs, [(case.map.blocks[min(layers) - 1], keep)]):
        with add_hooks([look(layer) for layer in range(case.n_layers)]):
            logits = run()
    return {"streams": streams, "kept": kept[0], "logits": logits, "after": run()}
