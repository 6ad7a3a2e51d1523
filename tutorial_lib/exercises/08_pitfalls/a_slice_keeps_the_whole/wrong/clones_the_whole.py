"""The whole stream is copied, and the copy is kept whole."""

import torch


def last_positions(model, block, batches):
    kept = []

    def keep(module, args):
        stream = args[0]
        kept.append(stream.clone()[:, -1])

    handle = block.register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            for ids in batches:
                model(ids)
    finally:
        handle.remove()
    return kept
