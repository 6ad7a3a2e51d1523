"""The logit lens

The stream of every layer through the final norm and the unembedding:
`[n_layers + 1, batch, seq, vocab]`.
"""

import torch

from tutorial_lib import logit_lens


def plain(model, ids):
    """It also sees to what some models do to their logits afterwards, and
    checks itself against the model's own logits."""
    logits = logit_lens(model, ids)
    return logits


def transformer_lens(bridge, ids):
    """`cache.logit_lens()` goes on from here, with targets and the top
    words."""
    with torch.no_grad():
        _, cache = bridge.run_with_cache(ids)
        streams = cache.accumulated_resid()
        logits = bridge.unembed(bridge.ln_final(streams))
    return logits


def nnsight(lm, ids):
    """A module can be called anywhere in a trace."""
    with torch.no_grad(), lm.trace(ids):
        streams = [block.input for block in lm.model.layers]
        streams.append(lm.model.layers[-1].output)
        logits = lm.lm_head(lm.model.norm(torch.stack(streams))).save()
    return logits
