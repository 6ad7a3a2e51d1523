"""As if every block returned a tensor.

Right on: box, qwen2 (their blocks return tensors)
"""

import torch

from tutorial_lib import add_hooks, find_blocks


def after_the_last_block(model, input_ids):
    found = []

    def keep(module, args, output):
        found.append(output)

    with torch.no_grad(), add_hooks(module_forward_hooks=[(find_blocks(model)[-1], keep)]):
        model(input_ids)
    return found[0]
