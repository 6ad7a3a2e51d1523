"""The parts are read off the stream: before, between, after. A parallel block has no between.

Right on: box, gpt2, opt (their attention comes first)
"""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    stream = []
    block = map_model(model).blocks[layer]
    norms = [child for child in block.children() if "norm" in type(child).__name__.lower()]

    def keep_input(module, args):
        stream.append(args[0].reshape(*ids.shape, -1))

    def keep_output(module, args, output):
        stream.append(output[0] if isinstance(output, tuple) else output)

    handles = [
        block.register_forward_pre_hook(keep_input),
        norms[-1].register_forward_pre_hook(keep_input),
        block.register_forward_hook(keep_output),
    ]
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    before, between, after = stream
    return between - before, after - between
