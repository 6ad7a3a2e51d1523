"""Layers are counted from 1."""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    kept = []

    def keep(module, args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        kept.append(hidden.reshape(*ids.shape, -1))

    parts = map_model(model)
    modules = parts.attention(layer - 1), parts.mlp(layer - 1)
    handles = [module.register_forward_hook(keep) for module in modules]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    return kept
