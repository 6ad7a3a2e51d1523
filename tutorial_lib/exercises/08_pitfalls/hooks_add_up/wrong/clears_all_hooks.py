"""All hooks of the block are thrown away after the run, whoever put them on."""

import torch


def steered_logits(model, block, ids, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    block.register_forward_pre_hook(hook)
    with torch.no_grad():
        logits = model(ids).logits
    block._forward_pre_hooks.clear()
    return logits
