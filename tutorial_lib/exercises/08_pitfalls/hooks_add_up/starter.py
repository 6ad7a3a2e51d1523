import torch


def steered_logits(model, block, ids, vector):
    """The logits on `ids` with the vector `[d_model]` added to the stream that comes into the block."""

    def hook(module, args):
        return (args[0] + vector, *args[1:])

    block.register_forward_pre_hook(hook)
    with torch.no_grad():
        return model(ids).logits
