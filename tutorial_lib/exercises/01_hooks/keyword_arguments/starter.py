import torch


def attention_input(model, attention, ids):
    """The hidden state that the attention is called with, `[batch, seq, d_model]`."""
    raise NotImplementedError
