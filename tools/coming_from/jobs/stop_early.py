"""Stop early

The stream at layer 2, without paying for the blocks from there on. The test
sees that no MLP of theirs is computed.
"""

import torch

from tutorial_lib import get_residual_stream_at_layer


def plain(model, ids):
    """It stops by itself."""
    stream = get_residual_stream_at_layer(model, 2, ids)
    return stream


def transformer_lens(bridge, ids):
    """With `stop_at_layer` the stream is what the call returns, in the place
    of the logits."""
    with torch.no_grad():
        stream = bridge(ids, stop_at_layer=2)
    return stream


def nnsight(lm, ids):
    """Without `tracer.stop()` the model runs to its end."""
    with torch.no_grad(), lm.trace(ids) as tracer:
        stream = lm.model.layers[2].input.save()
        tracer.stop()
    return stream
