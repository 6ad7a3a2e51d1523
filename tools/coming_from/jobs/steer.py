"""Steer: add a vector to the stream

`vector` `[d_model]` is added at layer 2, at every token.
"""

import torch

from tutorial_lib import add_hooks, add_vector_to_residual_stream


def plain(model, ids, vector):
    """`positions=` limits it to some tokens. The vector is moved to the
    stream's dtype and device."""
    steering = add_vector_to_residual_stream(model, 2, vector)
    with torch.no_grad(), add_hooks(steering):
        logits = model(ids).logits
    return logits


def transformer_lens(bridge, ids, vector):
    """A hook gets the tensor and, as the keyword `hook`, the hook point.
    What it returns replaces the tensor."""

    def add_vector(stream, hook):
        return stream + vector

    hooks = [("blocks.2.hook_resid_pre", add_vector)]
    with torch.no_grad():
        logits = bridge.run_with_hooks(ids, fwd_hooks=hooks)
    return logits


def nnsight(lm, ids, vector):
    """Assign. An in-place `block.input[:] += vector` would also edit what
    the block before gave out."""
    with torch.no_grad(), lm.trace(ids):
        block = lm.model.layers[2]
        block.input = block.input + vector
        logits = lm.output.logits.save()
    return logits
