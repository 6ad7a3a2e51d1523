"""The residual stream at one layer

Before block 2 (`resid_pre`), between its attention and its MLP (`resid_mid`),
and after it (`resid_post`).
"""

import torch

from tutorial_lib import add_hooks, cache_residual_streams


def plain(model, parts, ids):
    """The stream after block 2 is the stream before block 3: layer 3.
    `cache_residual_streams` knows the layers between the blocks; the middle of
    a block is the input of its second norm. Keep a copy (`clone`), since what
    a hook sees is the model's own tensor."""
    streams, _ = cache_residual_streams(model, ids, layers=[2, 3])
    resid_pre, resid_post = streams["layer_2"], streams["layer_3"]

    kept = []

    def keep(module, args):
        kept.append(args[0].clone())

    second_norm = parts.blocks[2].post_attention_layernorm
    with torch.no_grad(), add_hooks([(second_norm, keep)]):
        model(ids)
    resid_mid = kept[0]
    return resid_pre, resid_mid, resid_post


def transformer_lens(bridge, ids):
    """Without `names_filter` every hook point is kept. What is kept is
    detached; `torch.no_grad()` also saves the graph."""
    names = ["resid_pre", "resid_mid", "resid_post"]
    names = [f"blocks.2.hook_{name}" for name in names]
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids, names_filter=names)
    resid_pre, resid_mid, resid_post = (cache[name] for name in names)
    return resid_pre, resid_mid, resid_post


def nnsight(lm, ids):
    """Ask in the order in which the model computes: for what it is past,
    nnsight raises an `OutOfOrderError`."""
    with torch.no_grad(), lm.trace(ids):
        block = lm.model.layers[2]
        resid_pre = block.input.save()
        resid_mid = block.post_attention_layernorm.input.save()
        resid_post = block.output.save()
    return resid_pre, resid_mid, resid_post
