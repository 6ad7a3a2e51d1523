"""The unembedding reads the raw stream."""

import torch

from tutorial_lib import cache_residual_streams, map_model


def lens(model, input_ids):
    parts = map_model(model)
    streams, _ = cache_residual_streams(model, input_ids, after_last_block=True)
    with torch.no_grad():
        return torch.stack([parts.unembedding(stream) for stream in list(streams.values())[1:]])
