"""The hook comes off before the model runs."""

import torch


def steered_logits(model, block, ids, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    handle.remove()
    with torch.no_grad():
        return model(ids).logits
