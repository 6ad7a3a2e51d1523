import torch

from tutorial_lib import add_hooks, cache_residual_streams, find_blocks


def patched_logits(model, source_ids, target_ids, layer, positions):
    """Logits [batch, seq, vocab] of the target, with the source's stream at some positions before a block."""
    raise NotImplementedError
