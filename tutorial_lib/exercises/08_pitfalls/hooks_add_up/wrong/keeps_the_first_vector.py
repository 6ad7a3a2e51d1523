"""The hook is registered once and for all, and holds on to the vector of that call."""

import torch

handles = []


def steered_logits(model, block, ids, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    if not handles:
        handles.append(block.register_forward_pre_hook(hook))
    with torch.no_grad():
        return model(ids).logits
