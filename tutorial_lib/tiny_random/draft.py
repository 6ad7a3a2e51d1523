"""Draft models on their own.

A draft model of Gemma 4 reads no tokens: each call gets the hidden states and the keys and values of the
model that it drafts for. Here random ones stand in for them, fixed by token and by position, so that token
ids are enough.
"""

import functools
from typing import Any

import torch

from tutorial_lib.tiny_random.fields import CONTEXT, VOCAB


def on_its_own(model: Any) -> None:
    """Lets `model(input_ids)` work on a draft model, by a `forward` of this one instance.

    Args:
        model: a Gemma 4 assistant; the tensors that stand in for the other model come from the global
            generator.
    """
    text = model.config.get_text_config()
    embedding = torch.randn(VOCAB, 2 * model.config.backbone_hidden_size)
    # A pair for each type of layer: keys and values [1, kv_heads, context, head_dim].
    shared: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    for layer in model.model.layers:
        attention = layer.self_attn
        heads = text.num_attention_heads // attention.num_key_value_groups
        shape = (2, 1, heads, CONTEXT, attention.head_dim)
        keys, values = torch.randn(shape)
        shared.setdefault(attention.layer_type, (keys, values))
    forward = model.forward

    @functools.wraps(forward)
    def from_tokens(input_ids: torch.Tensor, **given: Any) -> Any:
        batch, seq = input_ids.shape
        # Given as a number, it makes the layers that share keys drop tokens of inputs that are not there.
        given["logits_to_keep"] = slice(None)
        given["inputs_embeds"] = embedding[input_ids]
        given["shared_kv_states"] = {
            kind: (keys[:, :, :seq].expand(batch, -1, -1, -1), values[:, :, :seq].expand(batch, -1, -1, -1))
            for kind, (keys, values) in shared.items()
        }
        return forward(**given)

    model.forward = from_tokens
