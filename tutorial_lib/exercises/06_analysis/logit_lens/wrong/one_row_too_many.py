"""The embedding gets a row as well, as in the library's own lens."""

import torch

from tutorial_lib import cache_residual_streams, map_model


def lens(model, input_ids):
    parts = map_model(model)
    streams, _ = cache_residual_streams(model, input_ids, after_last_block=True)
    with torch.no_grad():
        return torch.stack([parts.unembedding(parts.final_norm(stream)) for stream in streams.values()])
