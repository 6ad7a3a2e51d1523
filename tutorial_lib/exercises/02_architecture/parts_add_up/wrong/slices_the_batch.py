"""What holds for the attention's output is done to the MLP's as well."""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    kept = {}

    def keep_attention(module, args, output):
        kept["attention"] = output[0].clone()

    def keep_mlp(module, args, output):
        kept["mlp"] = output[0].clone()

    parts = map_model(model)
    handles = [
        parts.attention(layer).register_forward_hook(keep_attention),
        parts.mlp(layer).register_forward_hook(keep_mlp),
    ]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    return kept["attention"], kept["mlp"]
