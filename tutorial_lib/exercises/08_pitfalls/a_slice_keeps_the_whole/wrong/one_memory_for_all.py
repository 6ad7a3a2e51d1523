"""All are put together at the end and cut apart again: each piece holds the memory of all."""

import torch


def last_positions(model, block, batches):
    kept = []

    def keep(module, args):
        stream = args[0]
        kept.append(stream[:, -1])

    handle = block.register_forward_pre_hook(keep)
    try:
        with torch.no_grad():
            for ids in batches:
                model(ids)
    finally:
        handle.remove()
    return list(torch.cat(kept).split([len(ids) for ids in batches]))
