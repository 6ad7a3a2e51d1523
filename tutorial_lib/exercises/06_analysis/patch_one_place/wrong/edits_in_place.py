"""No clone: the hook writes into the tensor that the block before gave out."""

import torch

from tutorial_lib import add_hooks, cache_residual_streams, find_blocks


def patched_logits(model, source_ids, target_ids, layer, positions):
    streams, _ = cache_residual_streams(model, source_ids, [layer])
    source = streams[f"layer_{layer}"]

    def paste(module, args):
        args[0][:, positions] = source[:, positions]

    with torch.no_grad(), add_hooks([(find_blocks(model)[layer], paste)]):
        return model(target_ids).logits
