"""Which heads of the model in the box copy, and what copying is without them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tools.tiny_model.behaviour import (
    copied_lists,
    second_copy,
)
from tutorial_lib.hooks import add_hooks
from tutorial_lib.maps import map_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


from tools.tiny_model.behaviour import rounded


@contextmanager
def eager_attention(model: PreTrainedModel) -> Iterator[None]:
    """Attention weights exist only in the eager implementation; afterwards the model is as it was."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)


@torch.no_grad()
def attention_to(model: PreTrainedModel, input_ids: Tensor, offset: int, start: int) -> Tensor:
    """Mean attention of each head from position t to t - offset, over t >= start: `[layer, head]`."""
    with eager_attention(model):
        patterns = torch.stack(model(input_ids, output_attentions=True).attentions)
    t = torch.arange(start, input_ids.shape[1])
    return patterns[:, :, :, t, t - offset].mean((1, 3))


def zero_heads(model: PreTrainedModel, heads: Sequence[tuple[int, int]]) -> list[tuple[nn.Module, Any]]:
    """Pre-hooks that zero the outputs of (layer, head) pairs where they enter the output projection."""
    d_head = model.config.hidden_size // model.config.num_attention_heads

    def hook_for(head: int) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            mixed = args[0].clone()
            mixed[..., head * d_head : (head + 1) * d_head] = 0
            return (mixed, *args[1:])

        return hook

    attention = map_model(model).attention
    return [(attention(layer).get_submodule("o_proj"), hook_for(head)) for layer, head in heads]


def induction_heads(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Which heads look at the token after the previous occurrence, and the second copy without them."""
    lists = copied_lists(tokenizer)
    length = lists.shape[1] // 2
    scores = attention_to(model, lists, length - 1, start=length + 1)
    n_heads = scores.shape[1]
    best = [divmod(int(i), n_heads) for i in scores.flatten().argsort(descending=True)[:3]]
    with add_hooks(zero_heads(model, best)):
        accuracy, loss = second_copy(model, lists)
    return {
        "induction score [layer][head]": rounded(scores),
        "previous-token score [layer][head]": rounded(attention_to(model, lists, 1, start=1)),
        "best": [list(head) for head in best],
        "best score": round(scores.max().item(), 3),
        "copying without the best three": accuracy,
        "copying without the best three, loss": loss,
    }
