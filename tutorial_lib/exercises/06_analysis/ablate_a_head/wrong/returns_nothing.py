"""The clone is changed, and the projection never gets it."""

import torch


def switch_off_head(projection, head, n_heads):
    def zero_head(module, args):
        by_head = args[0].unflatten(-1, (n_heads, -1)).clone()
        by_head[..., head, :] = 0

    return projection.register_forward_pre_hook(zero_head)
