"""The stream of the target is pasted into a run of the source."""

import torch

from tutorial_lib import add_hooks, cache_residual_streams, find_blocks


def patched_logits(model, source_ids, target_ids, layer, positions):
    streams, _ = cache_residual_streams(model, target_ids, [layer])
    target = streams[f"layer_{layer}"]

    def paste(module, args):
        patched = args[0].clone()
        patched[:, positions] = target[:, positions]
        return (patched, *args[1:])

    with torch.no_grad(), add_hooks([(find_blocks(model)[layer], paste)]):
        return model(source_ids).logits
