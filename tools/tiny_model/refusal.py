"""The direction of refusal: found by difference of means, projected out, measured on held-out requests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from tools.tiny_model.behaviour import (
    continuations,
    encode,
    share,
)
from tutorial_lib.directions import difference_of_means
from tutorial_lib.hooks import add_hooks
from tutorial_lib.interventions import ablate_direction_from_residual
from tutorial_lib.maps import map_model
from tutorial_lib.residual import get_residual_stream_at_layer
from tutorial_lib.tiny_model.corpus import SKILLS
from tutorial_lib.tiny_model.skills import requests

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def refusal_direction(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layer: int) -> Tensor:
    """Mean stream at the assistant's mark, harmful minus harmless training requests: `[d_model]`, norm 1.

    Difference of means as in Arditi et al. (arXiv 2406.11717).
    """
    harmful, harmless = (
        get_residual_stream_at_layer(
            model, layer, **encode(tokenizer, requests.prompts(200, kind, held_out=False)), positions=-1
        )
        for kind in (True, False)
    )
    difference = difference_of_means(harmful, harmless)
    unit: Tensor = difference / difference.norm()
    return unit


@torch.no_grad()
def perplexity_elsewhere(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float:
    """Perplexity on documents that are no requests."""
    rng = random.Random(41)
    kinds = ("fact", "people", "indirect object", "review", "agreement", "pronoun")
    texts = [SKILLS[kind](rng) for kind in kinds for _ in range(50)]
    batch = tokenizer(texts, return_tensors="pt", padding=True, padding_side="right")
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    targets = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    return functional.cross_entropy(logits[:, :-1].flatten(0, 1), targets[:, 1:].flatten()).exp().item()


def answers_without(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    direction: Tensor,
    harmful: Sequence[str],
    harmless: Sequence[str],
) -> dict[str, float]:
    """How requests are answered while a direction is projected out of every block's input."""
    with add_hooks(ablate_direction_from_residual(model, direction)):
        to_harmful = continuations(model, tokenizer, harmful, 12)
        to_harmless = continuations(model, tokenizer, harmless, 12)
        perplexity = perplexity_elsewhere(model, tokenizer)
    return {
        "refuses harmful": share([requests.refuses(a) for a in to_harmful]),
        "explains harmful": share([requests.complies(a) for a in to_harmful]),
        "refuses harmless": share([requests.refuses(a) for a in to_harmless]),
        "perplexity elsewhere": perplexity,
    }


def choose_refusal_layer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> int:
    """The first layer whose direction does most when projected out, judged on training requests."""
    harmful, harmless = (requests.prompts(40, kind, held_out=False, seed=32) for kind in (True, False))

    def gain(layer: int) -> float:
        direction = refusal_direction(model, tokenizer, layer)
        answers = answers_without(model, tokenizer, direction, harmful, harmless)
        return answers["explains harmful"] - answers["refuses harmless"]

    return max(range(1, map_model(model).n_layers), key=gain)


def refusal(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Project the refusal direction out of every block's input, and a random direction for comparison."""
    layer = choose_refusal_layer(model, tokenizer)
    direction = refusal_direction(model, tokenizer, layer)
    random_direction = torch.randn(direction.shape, generator=torch.Generator().manual_seed(1))
    asked = [[prompt for prompt, _ in requests.all_prompts(harmful)] for harmful in (True, False)]
    plain = perplexity_elsewhere(model, tokenizer)
    out: dict[str, Any] = {"layer": layer, "perplexity elsewhere": round(plain, 3)}
    for name, ablated in (("direction", direction), ("random direction", random_direction)):
        answers = answers_without(model, tokenizer, ablated, *asked)
        ratio = answers.pop("perplexity elsewhere") / plain
        out[f"{name} projected out"] = {**answers, "perplexity elsewhere, ratio": round(ratio, 3)}
    return out
