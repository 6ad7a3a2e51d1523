"""`stream[:, last]` is taken for one column in each row."""

import torch

from tutorial_lib import find_blocks


def last_token_only(model, layer, vector, attention_mask):
    columns = torch.arange(attention_mask.shape[1])
    last = (columns * attention_mask).argmax(dim=1)

    def add_vector(module, args):
        stream = args[0].clone()
        stream[:, last] += vector.to(stream)
        return (stream, *args[1:])

    return [(find_blocks(model)[layer], add_vector)]
