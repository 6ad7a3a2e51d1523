"""Every config has a depth.

Right on: box, gpt2, bloom, gpt_neox, opt, longcat_flash (theirs has one, and the outermost list comes first)
"""

from torch import nn


def find_blocks(model, ids):
    depth = model.config.num_hidden_layers
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return next(module for module in lists if 1 < len(module) <= depth)
