"""What holds for a block is taken to hold for its attention.

Right on: gpt2, bloom (their attention gets the hidden state by position)
"""

import torch


def attention_input(model, attention, ids):
    kept = []

    def hook(module, args):
        kept.append(args[0].clone())

    handle = attention.register_forward_pre_hook(hook)
    with torch.no_grad():
        model(ids)
    handle.remove()
    return kept[0]
