"""The stream alone is returned.

Right on: box, bloom (their blocks get everything else by keyword)
"""

import torch

from tutorial_lib import find_blocks


def last_token_only(model, layer, vector, attention_mask):
    columns = torch.arange(attention_mask.shape[1])
    last = (columns * attention_mask).argmax(dim=1)

    def add_vector(module, args):
        stream = args[0].clone()
        stream[torch.arange(len(last)), last] += vector.to(stream)
        return stream

    return [(find_blocks(model)[layer], add_vector)]
