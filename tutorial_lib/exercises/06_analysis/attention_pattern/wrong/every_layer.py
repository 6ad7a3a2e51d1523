"""The layer is not picked."""

import torch


def attention_pattern(model, layer, input_ids):
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            output = model(input_ids, output_attentions=True, use_cache=False)
    finally:
        model.set_attn_implementation(before)
    return output.attentions
