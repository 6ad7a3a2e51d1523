"""The model is turned into a float32 model, so that the vector fits."""

import torch


def steered_logits(model, block, vector, ids):
    def hook(module, args):
        stream = args[0]
        return (stream + vector, *args[1:])

    model.float()
    handle = block.register_forward_pre_hook(hook)
    try:
        with torch.no_grad():
            return model(ids).logits
    finally:
        handle.remove()
