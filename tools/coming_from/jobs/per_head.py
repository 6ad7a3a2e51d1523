"""What each head puts out

`z`, each head's weighted values `[batch, seq, head, d_head]`, and what each
head writes to the stream, `[batch, seq, head, d_model]`. Summed over heads the
writes are the attention's output, less its bias.
"""

import torch

from tutorial_lib import add_hooks


def plain(model, parts, ids):
    """All heads are concatenated where they enter the attention's last
    matrix."""
    kept = []

    def keep(module, args):
        kept.append(args[0].clone())

    attention = parts.attention(2)
    with torch.no_grad(), add_hooks([(attention.o_proj, keep)]):
        model(ids)
    n_heads = model.config.num_attention_heads
    z = kept[0].unflatten(-1, (n_heads, -1))
    weight = attention.o_proj.weight.detach().unflatten(1, (n_heads, -1))
    writes = torch.einsum("bshd,mhd->bshm", z, weight)
    return z, writes


def transformer_lens(bridge, ids):
    """`hook_result` is off until `set_use_attn_result(True)`, since it is
    large."""
    bridge.set_use_attn_result(True)
    names = ["blocks.2.attn.hook_z", "blocks.2.attn.hook_result"]
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids, names_filter=names)
    bridge.set_use_attn_result(False)
    z, writes = (cache[name] for name in names)
    return z, writes


def nnsight(lm, ids):
    """The same module as with plain hooks."""
    n_heads = lm.config.num_attention_heads
    with torch.no_grad(), lm.trace(ids):
        attention = lm.model.layers[2].self_attn
        z = attention.o_proj.input.unflatten(-1, (n_heads, -1)).save()
        weight = attention.o_proj.weight.unflatten(1, (n_heads, -1))
        writes = torch.einsum("bshd,mhd->bshm", z, weight).save()
    return z, writes
