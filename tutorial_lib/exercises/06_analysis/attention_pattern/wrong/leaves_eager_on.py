"""The implementation is changed for good."""

import torch


def attention_pattern(model, layer, input_ids):
    model.set_attn_implementation("eager")
    with torch.no_grad():
        output = model(input_ids, output_attentions=True)
    return output.attentions[layer]
