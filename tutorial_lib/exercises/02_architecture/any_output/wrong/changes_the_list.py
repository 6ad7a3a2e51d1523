"""A list is edited where it is."""

import torch


def edit_output(output, edit):
    if isinstance(output, torch.Tensor):
        return edit(output)
    if isinstance(output, list):
        output[0] = edit(output[0])
        return output
    return (edit(output[0]), *output[1:])
