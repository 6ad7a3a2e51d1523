import torch

from tutorial_lib import map_model


def stream_into(model, layer, ids):
    """Return the residual stream that comes into a block: `[batch, seq, d_model]`."""
    kept = []

    def keep(module, args):
        kept.append(args[0].clone())

    handle = map_model(model).blocks[layer].register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            model(ids)
    finally:
        handle.remove()
    return kept[0]
