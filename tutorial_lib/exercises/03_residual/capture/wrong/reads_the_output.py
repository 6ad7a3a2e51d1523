"""A forward hook on the block: one layer too late."""

import torch

from tutorial_lib import add_hooks, find_blocks, read_output


def capture(model, layer, input_ids):
    found = []

    def keep(module, args, output):
        found.append(read_output(output).clone())

    with torch.no_grad(), add_hooks(module_forward_hooks=[(find_blocks(model)[layer], keep)]):
        model(input_ids)
    return found[0]
