import torch


def stream_before(model, block, ids):
    """What the block receives, `[batch, seq, d_model]`; neither it nor the blocks after it run."""
    raise NotImplementedError
