"""The blocks are found, and the hooks that looked for them stay."""

import torch
from torch import nn


def find_blocks(model, ids):
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    called = set()
    for parts in lists:
        for part in parts:
            part.register_forward_pre_hook(lambda module, args: called.add(module))
    with torch.no_grad():
        model(ids)
    return next(parts for parts in lists if all(part in called for part in parts))
