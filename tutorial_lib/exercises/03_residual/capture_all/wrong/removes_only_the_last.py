"""One name for all handles: only the last hook is taken off."""

from functools import partial

import torch

from tutorial_lib import find_blocks


def capture_all(model, input_ids):
    streams = {}

    def keep(module, args, layer):
        streams[layer] = args[0].detach().clone()

    for layer, block in enumerate(find_blocks(model)):
        handle = block.register_forward_pre_hook(partial(keep, layer=layer))
    with torch.no_grad():
        model(input_ids)
    handle.remove()
    return streams
