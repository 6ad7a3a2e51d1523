"""Gradients with respect to the stream

How one logit, here of token 7 at the last position, would move with the stream
at layer 2.
"""

import torch

from tutorial_lib import add_hooks


def plain(model, parts, ids):
    """Keep the tensor itself: a clone is no ancestor of the logits. The
    functions that capture run without gradients unless `detach=False`."""
    kept = []

    def keep(module, args):
        kept.append(args[0])

    with add_hooks([(parts.blocks[2], keep)]):
        logit = model(ids).logits[:, -1, 7].sum()
    (gradient,) = torch.autograd.grad(logit, kept[0])
    return gradient


def transformer_lens(bridge, ids):
    """A backward hook on the same hook point. It must return None, or it
    replaces the gradient."""
    kept = []

    def keep(gradient, hook):
        kept.append(gradient.clone())

    with bridge.hooks(bwd_hooks=[("blocks.2.hook_resid_pre", keep)]):
        bridge(ids)[:, -1, 7].sum().backward()
    bridge.zero_grad()
    gradient = kept[0]
    return gradient


def nnsight(lm, ids):
    """`with logit.backward():` opens a trace of the backward pass,
    where tensors have a `.grad`."""
    with lm.trace(ids):
        stream = lm.model.layers[2].input
        logit = lm.output.logits[:, -1, 7].sum()
        with logit.backward():
            gradient = stream.grad.save()
    lm.zero_grad()
    return gradient
