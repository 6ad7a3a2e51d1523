"""Ablate a direction

The method of [Arditi et al., 2024](https://arxiv.org/abs/2406.11717): a
direction is projected out of every write to the stream, so that no part of the
model reads it.
"""

import torch

from tutorial_lib import ablate_direction_everywhere, add_hooks


def plain(model, ids, vector):
    """One call gives all hooks. `ablate_direction_from_residual` cleans the
    block inputs alone."""
    hooks = ablate_direction_everywhere(model, vector)
    with torch.no_grad(), add_hooks(*hooks):
        logits = model(ids).logits
    return logits


def transformer_lens(bridge, ids, vector):
    """A function of the name chooses the hook points."""
    unit = vector / vector.norm()
    written = ("hook_resid_pre", "hook_attn_out", "hook_mlp_out")
    last = f"blocks.{bridge.cfg.n_layers - 1}.hook_resid_post"

    def is_write(name):
        return name.endswith(written) or name == last

    def without(stream, hook):
        return stream - (stream @ unit)[..., None] * unit

    with torch.no_grad():
        logits = bridge.run_with_hooks(ids, fwd_hooks=[(is_write, without)])
    return logits


def nnsight(lm, ids, vector):
    """Attention gives out a tuple: put a whole new one in its place."""
    unit = vector / vector.norm()

    def without(stream):
        return stream - (stream @ unit)[..., None] * unit

    with torch.no_grad(), lm.trace(ids):
        for block in lm.model.layers:
            block.input = without(block.input)
            written, *rest = block.self_attn.output
            block.self_attn.output = (without(written), *rest)
            block.mlp.output = without(block.mlp.output)
        block.output = without(block.output)
        logits = lm.output.logits.save()
    return logits
