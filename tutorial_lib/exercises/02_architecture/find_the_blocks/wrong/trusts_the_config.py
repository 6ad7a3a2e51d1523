"""The blocks are the last list that is as long as the config says.

Right on: box, gpt2, bloom, gpt_neox, opt, gemma3 (it is true there)
"""

from torch import nn


def find_blocks(model, ids):
    depth = model.config.get_text_config().num_hidden_layers
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    return [module for module in lists if len(module) == depth][-1]
