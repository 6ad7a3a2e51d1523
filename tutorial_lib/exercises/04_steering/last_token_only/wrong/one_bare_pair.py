"""The only pair is not put into a list."""

import torch

from tutorial_lib import find_blocks


def last_token_only(model, layer, vector, attention_mask):
    n_rows, seq = attention_mask.shape
    rows = torch.arange(n_rows, device=attention_mask.device)
    columns = torch.arange(seq, device=attention_mask.device)
    last = (columns * attention_mask).argmax(dim=1)  # the largest column that is not padding

    def add_at_last(module, args):
        stream = args[0].clone()
        stream[rows, last] += vector.to(stream)
        return (stream, *args[1:])

    return find_blocks(model)[layer], add_at_last
