"""The residual stream at every layer

Layers 0 to n, stacked: `[n_layers + 1, batch, seq, d_model]`. The last one is
before the final norm, which the last entry of `output_hidden_states` is not.
"""

import torch

from tutorial_lib import cache_residual_streams


def plain(model, ids):
    """One pass, a copy for each layer."""
    streams, _ = cache_residual_streams(model, ids, after_last_block=True)
    every_layer = torch.stack(list(streams.values()))
    return every_layer


def transformer_lens(bridge, ids):
    """`accumulated_resid` stacks what is in the cache."""
    with torch.no_grad():
        _, cache = bridge.run_with_cache(
            ids, names_filter=lambda name: "hook_resid" in name
        )
    every_layer = cache.accumulated_resid()
    return every_layer


def nnsight(lm, ids):
    """Blocks can be looped over in the trace."""
    with torch.no_grad(), lm.trace(ids):
        streams = [block.input for block in lm.model.layers]
        streams.append(lm.model.layers[-1].output)
        every_layer = torch.stack(streams).save()
    return every_layer
