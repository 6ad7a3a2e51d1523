import torch


def steered_logits(model, block, vector, ids):
    """The logits `[batch, seq, vocab]` with the vector `[d_model]` added to the stream before the block."""

    def hook(module, args):
        stream = args[0]
        return (stream + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    try:
        with torch.no_grad():
            return model(ids).logits
    finally:
        handle.remove()
