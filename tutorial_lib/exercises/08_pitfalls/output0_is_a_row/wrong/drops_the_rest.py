"""A tuple is given back with nothing in it but the hidden state.

Right on: box, qwen2 (their blocks return a tensor)
"""

import torch


def steer_output(block, vector):
    def hook(module, args, output):
        if isinstance(output, torch.Tensor):
            return output + vector
        return (output[0] + vector,)

    return block.register_forward_hook(hook)
