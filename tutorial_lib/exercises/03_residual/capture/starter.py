import torch

from tutorial_lib import add_hooks, find_blocks


def capture(model, layer, input_ids):
    """The residual stream at the input of block `layer`, as a copy: [batch, seq, d_model]."""
    raise NotImplementedError
