import torch

from tutorial_lib import add_hooks


def verdict(block, make_hook, vector, results, effect):
    """What the two controls say of an intervention: "broken", "noise" or "works"."""
    raise NotImplementedError
