"""A forward hook sees the arguments too, but the block has run by then."""

import torch


class Stop(Exception):
    pass


def stream_before(model, block, ids):
    kept = []

    def hook(module, args, output):
        kept.append(args[0].clone())
        raise Stop

    handle = block.register_forward_hook(hook)
    try:
        with torch.no_grad():
            model(ids)
    except Stop:
        pass
    finally:
        handle.remove()
    return kept[0]
