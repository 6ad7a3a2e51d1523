import torch


def attention_pattern(model, layer, input_ids):
    """The attention weights of a block, [batch, head, query, key]."""
    raise NotImplementedError
