"""The handle is deleted, as if the hook went with it."""

import torch


def steered_logits(model, block, ids, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    with torch.no_grad():
        logits = model(ids).logits
    del handle
    return logits
