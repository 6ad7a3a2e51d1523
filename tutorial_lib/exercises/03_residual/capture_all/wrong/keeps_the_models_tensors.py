"""`detach` is taken for a copy."""

import torch

from tutorial_lib import add_hooks, find_blocks


def capture_all(model, input_ids):
    streams = {}

    def keep(layer):
        def keep_stream(module, args):
            streams[layer] = args[0].detach()

        return keep_stream

    with torch.no_grad(), add_hooks([(block, keep(i)) for i, block in enumerate(find_blocks(model))]):
        model(input_ids)
    return streams
