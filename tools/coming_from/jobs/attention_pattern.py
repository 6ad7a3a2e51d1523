"""The attention pattern of a layer

`[batch, head, query, key]`, after the softmax. It exists with `eager`
attention only: the fused kernels never form it.
"""

import torch


def plain(model, ids):
    """No hook: transformers returns the patterns of all layers. With another
    implementation than `eager` the list is empty."""
    with torch.no_grad():
        output = model(ids, output_attentions=True)
    pattern = output.attentions[2]
    return pattern


def transformer_lens(bridge, ids):
    """The bridge has set the model to `eager` itself."""
    name = "blocks.2.attn.hook_pattern"
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids, names_filter=name)
    pattern = cache[name]
    return pattern


def nnsight(lm, ids):
    """The attention module returns a tuple: what it writes to the stream, and
    the pattern."""
    with torch.no_grad(), lm.trace(ids):
        pattern = lm.model.layers[2].self_attn.output[1].save()
    return pattern
