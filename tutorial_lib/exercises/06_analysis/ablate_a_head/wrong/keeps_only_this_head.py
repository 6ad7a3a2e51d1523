"""The head is kept and all others are zeroed."""

import torch


def switch_off_head(projection, head, n_heads):
    def zero_head(module, args):
        by_head = args[0].unflatten(-1, (n_heads, -1))
        kept = torch.zeros_like(by_head)
        kept[..., head, :] = by_head[..., head, :]
        return (kept.flatten(-2), *args[1:])

    return projection.register_forward_pre_hook(zero_head)
