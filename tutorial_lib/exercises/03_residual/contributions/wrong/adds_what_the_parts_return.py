"""What attention and MLP return is taken for what they add, on every model.

Right on: box, qwen2 (bloom's parts return their sum with the stream)
"""

import torch

from tutorial_lib import add_hooks, map_model, read_output


def contributions(model, input_ids):
    parts, written = map_model(model), {}

    def keep(module, args, output):
        written[module] = read_output(output).clone()

    layers = range(parts.n_layers)
    modules = [part for layer in layers for part in (parts.attention(layer), parts.mlp(layer))]
    with torch.no_grad(), add_hooks(module_forward_hooks=[(module, keep) for module in modules]):
        model(input_ids)
    return [written[parts.attention(layer)] + written[parts.mlp(layer)] for layer in layers]
