"""SDPA is taken for what every model runs on."""

import torch


def attention_pattern(model, layer, input_ids):
    model.set_attn_implementation("eager")
    try:
        with torch.no_grad():
            output = model(input_ids, output_attentions=True, use_cache=False)
    finally:
        model.set_attn_implementation("sdpa")
    return output.attentions[layer]
