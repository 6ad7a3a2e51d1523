"""The last position of one text is contiguous as it is, so nothing is copied then."""

import torch


def last_positions(model, block, batches):
    kept = []

    def keep(module, args):
        stream = args[0]
        kept.append(stream[:, -1].contiguous())

    handle = block.register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            for ids in batches:
                model(ids)
    finally:
        handle.remove()
    return kept
