"""A `return` in the hook is taken to end the pass."""

import torch


def stream_before(model, block, ids):
    kept = []

    def hook(module, args):
        kept.append(args[0].clone())
        return None

    handle = block.register_forward_pre_hook(hook)
    with torch.no_grad():
        model(ids)
    handle.remove()
    return kept[0]
