"""The model's own tensor is edited, not a copy."""

import torch

from tutorial_lib import find_blocks


def last_token_only(model, layer, vector, attention_mask):
    columns = torch.arange(attention_mask.shape[1])
    last = (columns * attention_mask).argmax(dim=1)

    def add_vector(module, args):
        args[0][torch.arange(len(last)), last] += vector.to(args[0])

    return [(find_blocks(model)[layer], add_vector)]
