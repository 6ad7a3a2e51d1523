"""The hidden state is all that matters."""

import torch


def edit_output(output, edit):
    if isinstance(output, torch.Tensor):
        return edit(output)
    return type(output)([edit(output[0])])
