"""The second dimension is taken for the heads."""

import torch


def switch_off_head(projection, head, n_heads):
    def zero_head(module, args):
        by_head = args[0].unflatten(-1, (n_heads, -1)).clone()
        by_head[:, head] = 0
        return (by_head.flatten(-2), *args[1:])

    return projection.register_forward_pre_hook(zero_head)
