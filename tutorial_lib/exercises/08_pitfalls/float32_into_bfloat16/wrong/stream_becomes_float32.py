"""The stream is turned into float32, so that the vector fits; the next module refuses it as before."""

import torch


def steered_logits(model, block, vector, ids):
    def hook(module, args):
        stream = args[0]
        return (stream.float() + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    try:
        with torch.no_grad():
            return model(ids).logits
    finally:
        handle.remove()
