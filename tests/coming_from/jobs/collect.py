"""Collect over many texts

The stream of each text's last token at layer 2, `[n_texts, d_model]`, in
padded batches of two. Padded on the left, the last token of each text is the
last of its row.
"""

import torch

from tutorial_lib import get_residual_stream_at_layer


def plain(model, tokenizer, texts):
    """Stops at the layer, keeps one position of each row."""
    rows = []
    for start in range(0, len(texts), 2):
        batch = tokenizer(
            texts[start : start + 2], return_tensors="pt", padding=True
        )
        numbers = batch.attention_mask.cumsum(-1) - 1
        stream = get_residual_stream_at_layer(
            model,
            2,
            **batch,
            position_ids=numbers.clamp(min=0),
            positions=-1,
        )
        rows.append(stream[:, 0])
    collected = torch.cat(rows)
    return collected


def transformer_lens(bridge, texts):
    """Given texts, the bridge pads, masks and numbers the positions.
    `pos_slice=-1` keeps one position."""
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
