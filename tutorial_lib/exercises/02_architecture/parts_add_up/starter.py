import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    """What attention and MLP of a block give out: two tensors `[batch, seq, d_model]`."""
    raise NotImplementedError
