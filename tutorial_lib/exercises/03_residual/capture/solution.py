import torch

from tutorial_lib import add_hooks, find_blocks


def capture(model, layer, input_ids):
    """The residual stream at the input of block `layer`, as a copy: [batch, seq, d_model]."""
    found = []

    def keep_stream(module, args):
        found.append(args[0].clone())

    with torch.no_grad(), add_hooks([(find_blocks(model)[layer], keep_stream)]):
        model(input_ids)
    return found[0]
