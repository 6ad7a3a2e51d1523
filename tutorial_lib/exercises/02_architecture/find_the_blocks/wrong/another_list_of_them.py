"""The blocks are collected in a list of one's own."""

import torch
from torch import nn


def find_blocks(model, ids):
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    called = []
    handles = [
        part.register_forward_pre_hook(lambda module, args: called.append(module))
        for part in lists[-1 if len(lists) == 2 else 0]
    ]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    return called
