import torch

from tutorial_lib import add_hooks, find_blocks, read_output


def after_the_last_block(model, input_ids):
    """The stream that the last block gives out, before the final norm: [batch, seq, d_model]."""
    found = []

    def keep_stream(module, args, output):
        found.append(read_output(output).clone())

    pairs = [(find_blocks(model)[-1], keep_stream)]
    with torch.no_grad(), add_hooks(module_forward_hooks=pairs):
        model(input_ids)
    return found[0]
