"""What the MLP adds is taken to be what comes out of the block."""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    kept = []

    def keep(module, args, output):
        kept.append(output[0] if isinstance(output, tuple) else output)

    parts = map_model(model)
    handles = [module.register_forward_hook(keep) for module in (parts.attention(layer), parts.blocks[layer])]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    return kept
