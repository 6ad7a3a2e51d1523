"""A forward hook on the block: what it gives out is taken for what it gets."""

import torch

from tutorial_lib import add_hooks, find_blocks, read_output


def direction_between(model, layer, position, towards, away):
    means = []

    def keep(module, args, output):
        means.append(read_output(output)[:, position].mean(0))

    with torch.no_grad(), add_hooks(module_forward_hooks=[(find_blocks(model)[layer], keep)]):
        model(towards)
        model(away)
    return (means[0] - means[1]) / (means[0] - means[1]).norm()
