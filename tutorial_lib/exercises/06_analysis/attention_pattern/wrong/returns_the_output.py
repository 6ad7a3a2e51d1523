"""A hook on the attention keeps the first thing that it returns."""

import torch

from tutorial_lib import add_hooks, map_model


def attention_pattern(model, layer, input_ids):
    kept = {}

    def keep(module, args, output):
        kept["pattern"] = output[0].clone()

    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad(), add_hooks([], [(map_model(model).attention(layer), keep)]):
            model(input_ids)
    finally:
        model.set_attn_implementation(before)
    return kept["pattern"]
