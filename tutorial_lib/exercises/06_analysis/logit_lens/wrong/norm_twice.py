"""`hidden_states[-1]` is taken for the last stream, and normed once more."""

import torch

from tutorial_lib import map_model


def lens(model, input_ids):
    parts = map_model(model)
    with torch.no_grad():
        hidden = model(input_ids, output_hidden_states=True).hidden_states[1:]
        return torch.stack([parts.unembedding(parts.final_norm(stream)) for stream in hidden])
