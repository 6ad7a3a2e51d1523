"""Outputs are kept as they come."""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    kept = []

    def keep(module, args, output):
        kept.append(output)

    parts = map_model(model)
    handles = [module.register_forward_hook(keep) for module in (parts.attention(layer), parts.mlp(layer))]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    attention, mlp = kept
    return attention, mlp.reshape(*ids.shape, -1)
