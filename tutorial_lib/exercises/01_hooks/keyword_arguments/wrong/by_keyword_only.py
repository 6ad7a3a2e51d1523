"""What holds for Llama is taken to hold for all.

Right on: box, phi (their attention gets the hidden state by keyword)
"""

import torch


def attention_input(model, attention, ids):
    kept = []

    def hook(module, args, kwargs):
        kept.append(kwargs["hidden_states"].clone())

    handle = attention.register_forward_pre_hook(hook, with_kwargs=True)
    with torch.no_grad():
        model(ids)
    handle.remove()
    return kept[0]
