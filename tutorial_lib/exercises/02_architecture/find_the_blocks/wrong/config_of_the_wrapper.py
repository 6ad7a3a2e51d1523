"""Every config has a depth.

Right on: box, gpt2, bloom, gpt_neox, opt, longcat_flash (theirs has one; for the last, the rule is "at most")
"""

from torch import nn


def find_blocks(model, ids):
    depth = model.config.num_hidden_layers
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return max((module for module in lists if len(module) <= depth), key=len)
