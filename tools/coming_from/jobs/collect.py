"""Collect over many texts

The stream of each text's last token at layer 2, `[n_texts, d_model]`. The
texts are of different lengths.
"""

import tempfile

import torch

from tutorial_lib import collect_residual_streams


def plain(model, tokenizer, texts):
    """It batches, pads and stops at the layer by itself, and writes to disk:
    for [data of any size](collecting.md), a run that was killed goes on."""
    folder = tempfile.mkdtemp()
    store = collect_residual_streams(
        model, texts, [2], folder, tokenizer=tokenizer, positions="last"
    )
    collected = store.stream(2)[:]
    return collected


def transformer_lens(bridge, texts):
    """Given texts, the bridge pads, masks and numbers the positions. Padded
    on the left, the last token of each text is the last of its row, and
    `pos_slice=-1` keeps it."""
    rows = []
    name = "blocks.2.hook_resid_pre"
    for start in range(0, len(texts), 2):
        with torch.no_grad():
            _, cache = bridge.run_with_cache(
                texts[start : start + 2],
                names_filter=name,
                stop_at_layer=3,
                pos_slice=-1,
                padding_side="left",
            )
        rows.append(cache[name][:, 0])
    collected = torch.cat(rows)
    return collected


def nnsight(lm, texts):
    """Given texts, nnsight pads on the left, masks and numbers the
    positions."""
    rows = []
    for start in range(0, len(texts), 2):
        with torch.no_grad(), lm.trace(texts[start : start + 2]) as tracer:
            last = lm.model.layers[2].input[:, -1].save()
            tracer.stop()
        rows.append(last)
    collected = torch.cat(rows)
    return collected
