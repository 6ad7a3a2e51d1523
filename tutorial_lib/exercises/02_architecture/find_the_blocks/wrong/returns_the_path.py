"""The name of the list is returned in its place."""

import torch
from torch import nn


def find_blocks(model, ids):
    lists = {name: module for name, module in model.named_modules() if isinstance(module, nn.ModuleList)}
    called = set()
    handles = [
        part.register_forward_pre_hook(lambda module, args: called.add(module))
        for parts in lists.values()
        for part in parts
    ]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    return next(name for name, parts in lists.items() if all(part in called for part in parts))
