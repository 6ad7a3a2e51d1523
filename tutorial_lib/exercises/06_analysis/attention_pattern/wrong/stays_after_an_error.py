"""The implementation is set back only if all goes well."""

import torch


def attention_pattern(model, layer, input_ids):
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    with torch.no_grad():
        output = model(input_ids, output_attentions=True)
    model.set_attn_implementation(before)
    return output.attentions[layer]
