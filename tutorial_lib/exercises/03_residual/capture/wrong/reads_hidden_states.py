"""`hidden_states` is taken for what the block gets, whatever hooks are on."""

import torch


def capture(model, layer, input_ids):
    with torch.no_grad():
        output = model(input_ids, output_hidden_states=True)
    return output.hidden_states[layer].clone()
