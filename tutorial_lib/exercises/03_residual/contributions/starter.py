import torch

from tutorial_lib import add_hooks, find_blocks


def contributions(model, input_ids):
    """What each block adds to the stream: a list of n_layers tensors [batch, seq, d_model]."""
    raise NotImplementedError
