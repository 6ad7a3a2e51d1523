import torch


def switch_off_head(projection, head, n_heads):
    """Zero what the output projection receives from one head; return the handle of the hook."""

    def zero_head(module, args):
        by_head = args[0].unflatten(-1, (n_heads, -1)).clone()
        by_head[..., head, :] = 0
        return (by_head.flatten(-2), *args[1:])

    return projection.register_forward_pre_hook(zero_head)
