"""The block's output is taken for a tuple.

Right on: bloom (its blocks return tuples)
"""

import torch

from tutorial_lib import add_hooks, map_model


def stream_at_the_end(model, ids):
    kept = []

    def keep(module, args, output):
        kept.append(output[0].clone())

    with torch.no_grad(), add_hooks(module_forward_hooks=[(map_model(model).blocks[-1], keep)]):
        model(ids)
    return kept[0]
