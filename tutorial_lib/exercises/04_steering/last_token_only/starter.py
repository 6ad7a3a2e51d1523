import torch

from tutorial_lib import find_blocks


def last_token_only(model, layer, vector, attention_mask):
    """Pairs for `add_hooks` that add the vector at the last token of each row, and nowhere else."""
    raise NotImplementedError
