import torch

from tutorial_lib import add_hooks, map_model, read_output


def stream_at_the_end(model, ids):
    """The residual stream after the last block, before the final norm: `[batch, seq, d_model]`."""
    with torch.no_grad():
        output = model(ids, output_hidden_states=True)
    return output.hidden_states[-1]
