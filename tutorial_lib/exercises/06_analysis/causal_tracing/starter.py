import torch

from tutorial_lib import add_hooks, cache_residual_streams, find_blocks


def causal_trace(model, input_ids, subject, noise, answer):
    """[n_layers, seq]: how much of the answer's log-probability each restored place brings back."""
    raise NotImplementedError
