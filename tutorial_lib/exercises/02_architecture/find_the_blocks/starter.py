import torch
from torch import nn


def find_blocks(model, ids):
    """The nn.ModuleList that the residual stream goes through."""
    raise NotImplementedError
