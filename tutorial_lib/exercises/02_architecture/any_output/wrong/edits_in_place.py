"""The tensor is overwritten, so that nothing has to be put together again."""

import torch


def edit_output(output, edit):
    hidden = output if isinstance(output, torch.Tensor) else output[0]
    hidden.copy_(edit(hidden))
    return output
