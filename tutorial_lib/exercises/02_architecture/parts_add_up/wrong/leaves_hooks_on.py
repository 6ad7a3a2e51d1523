"""The handles are dropped."""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    kept = []

    def keep(module, args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        kept.append(hidden.reshape(*ids.shape, -1))

    parts = map_model(model)
    parts.attention(layer).register_forward_hook(keep)
    parts.mlp(layer).register_forward_hook(keep)
    with torch.no_grad():
        model(ids)
    return kept[0], kept[1]
