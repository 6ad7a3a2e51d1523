"""The streams are those that the blocks receive."""

import torch

from tutorial_lib import cache_residual_streams, map_model


def lens(model, input_ids):
    parts = map_model(model)
    streams, _ = cache_residual_streams(model, input_ids)
    with torch.no_grad():
        return torch.stack([parts.unembedding(parts.final_norm(stream)) for stream in streams.values()])
