import torch

from tutorial_lib import add_hooks


def steered_logits(model, block, ids, vector):
    """The logits on `ids` with the vector `[d_model]` added to the stream that comes into the block."""

    def hook(module, args):
        return (args[0] + vector, *args[1:])

    with torch.no_grad(), add_hooks([(block, hook)]):
        return model(ids).logits
