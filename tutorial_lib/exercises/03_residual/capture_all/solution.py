import torch

from tutorial_lib import add_hooks, find_blocks


def capture_all(model, input_ids):
    """The stream at the input of each block, from one forward pass: {layer: [batch, seq, d_model]}."""
    streams = {}

    def keep(layer):
        def keep_stream(module, args):
            streams[layer] = args[0].detach().clone()

        return keep_stream

    pairs = [(block, keep(layer)) for layer, block in enumerate(find_blocks(model))]
    with torch.no_grad(), add_hooks(pairs):
        model(input_ids)
    return streams
