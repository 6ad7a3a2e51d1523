"""Patch: put one run's stream into another run

The stream of `clean_ids` at layer 1 and the country's position, 4, is put into
the run of `corrupt_ids`.
"""

import torch

from tutorial_lib import (
    add_hooks,
    cache_residual_streams,
    patch_residual_stream,
)


def plain(model, clean_ids, corrupt_ids):
    """`activation_patching` does this for every layer and position and gives
    the grid."""
    clean, _ = cache_residual_streams(model, clean_ids, layers=[1])
    patch = patch_residual_stream(model, 1, clean["layer_1"], positions=4)
    with torch.no_grad(), add_hooks(patch):
        logits = model(corrupt_ids).logits
    return logits


def transformer_lens(bridge, clean_ids, corrupt_ids):
    """`transformer_lens.patching.get_act_patch_resid_pre` gives the grid."""
    name = "blocks.1.hook_resid_pre"

    def patch(stream, hook):
        patched = stream.clone()
        patched[:, 4] = cache[name][:, 4]
        return patched

    with torch.no_grad():
        _, cache = bridge.run_with_cache(clean_ids, names_filter=name)
        logits = bridge.run_with_hooks(corrupt_ids, fwd_hooks=[(name, patch)])
    return logits


def nnsight(lm, clean_ids, corrupt_ids):
    """The second run uses what the first one saved."""
    with torch.no_grad(), lm.trace(clean_ids):
        clean = lm.model.layers[1].input.save()
    with torch.no_grad(), lm.trace(corrupt_ids):
        patched = lm.model.layers[1].input.clone()
        patched[:, 4] = clean[:, 4]
        lm.model.layers[1].input = patched
        logits = lm.output.logits.save()
    return logits
