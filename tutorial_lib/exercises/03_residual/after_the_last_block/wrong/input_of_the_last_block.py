"""A pre-hook on the last block: one layer too early."""

import torch

from tutorial_lib import add_hooks, find_blocks


def after_the_last_block(model, input_ids):
    found = []

    def keep(module, args):
        found.append(args[0].clone())

    with torch.no_grad(), add_hooks([(find_blocks(model)[-1], keep)]):
        model(input_ids)
    return found[0]
