"""The slice is taken behind the projection, where no head is apart."""

import torch


def switch_off_head(projection, head, n_heads):
    def zero_head(module, args, output):
        size = output.shape[-1] // n_heads
        output = output.clone()
        output[..., head * size : (head + 1) * size] = 0
        return output

    return projection.register_forward_hook(zero_head)
