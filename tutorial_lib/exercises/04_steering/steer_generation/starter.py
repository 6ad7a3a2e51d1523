import torch

from tutorial_lib import find_blocks, read_input, replace_input


def steer_positions(model, layer, vector, positions):
    """Pairs for `add_hooks(..., with_kwargs=True)` that add the vector at these positions of the text."""
    raise NotImplementedError
