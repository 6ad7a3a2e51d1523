import torch

from tutorial_lib import add_hooks, cache_residual_streams, map_model, read_output


def lens(model, input_ids):
    """The logits after every block, [n_layers, batch, seq, vocab]."""
    raise NotImplementedError
