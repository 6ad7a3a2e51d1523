"""The hooks are registered by hand and never taken off."""

import torch

from tutorial_lib import map_model, read_output


def lens(model, input_ids):
    parts = map_model(model)
    streams = []

    def keep(module, args, output):
        streams.append(read_output(output).clone())

    for block in parts.blocks:
        block.register_forward_hook(keep)
    with torch.no_grad():
        model(input_ids)
        return torch.stack([parts.unembedding(parts.final_norm(stream)) for stream in streams])
