import torch

from tutorial_lib import add_hooks, cache_residual_streams, map_model, read_output


def attribution(model, input_ids, answers, others):
    """What each part adds to the lead of `answers` over `others`: a dict of tensors [batch]."""
    raise NotImplementedError
