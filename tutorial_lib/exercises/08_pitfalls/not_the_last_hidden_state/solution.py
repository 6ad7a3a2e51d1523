import torch

from tutorial_lib import add_hooks, map_model, read_output


def stream_at_the_end(model, ids):
    """The residual stream after the last block, before the final norm: `[batch, seq, d_model]`."""
    kept = []

    def keep(module, args, output):
        kept.append(read_output(output).clone())

    with torch.no_grad(), add_hooks(module_forward_hooks=[(map_model(model).blocks[-1], keep)]):
        model(ids)
    return kept[0]
