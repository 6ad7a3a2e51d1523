"""The final norm is applied to what has passed it already."""

import torch

from tutorial_lib import add_hooks, map_model, read_output


def stream_at_the_end(model, ids):
    with torch.no_grad():
        output = model(ids, output_hidden_states=True)
    return map_model(model).final_norm(output.hidden_states[-1])
