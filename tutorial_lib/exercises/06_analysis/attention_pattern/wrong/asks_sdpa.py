"""The model is asked as it is."""

import torch


def attention_pattern(model, layer, input_ids):
    with torch.no_grad():
        output = model(input_ids, output_attentions=True)
    return output.attentions[layer]
