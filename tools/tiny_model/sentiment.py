"""The direction of sentiment: taken at the words that carry it, added, measured on held-out reviews."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tools.tiny_model.behaviour import (
    continuations,
    encode,
    good_and_bad,
    next_token_logits,
    share,
    token_id,
)
from tutorial_lib.directions import difference_of_means
from tutorial_lib.hooks import add_hooks
from tutorial_lib.interventions import add_vector_to_residual_stream
from tutorial_lib.residual import get_residual_stream_at_layer
from tutorial_lib.tiny_model.skills import reviews

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def sentiment_direction(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layer: int) -> Tensor:
    """Mean stream at good words minus mean stream at bad words of training reviews: `[d_model]`.

    Taken at the words that carry the sentiment, not at the place that needs it: added everywhere it
    changes what the model reads. Taken just before an adjective is due, it asks for one at every position.
    """
    groups = []
    for good, polar in ((True, reviews.GOOD + reviews.LIKED), (False, reviews.BAD + reviews.DISLIKED)):
        texts = [c.prompt for c in reviews.prompts(200, held_out=False, good=good, seed=int(good))]
        batch = encode(tokenizer, texts)
        stream = get_residual_stream_at_layer(model, layer, **batch)
        at_words = torch.isin(batch["input_ids"], torch.tensor([token_id(tokenizer, word) for word in polar]))
        groups.append(stream[at_words])
    return difference_of_means(*groups)


def flips(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    layer: int,
    vector: Tensor,
    to_good: bool,
    held_out: bool = True,
) -> float:
    """Share of reviews of the other sentiment that are continued with the wanted one."""
    texts = [c.prompt for c in reviews.prompts(200, held_out, good=not to_good)]
    with add_hooks(add_vector_to_residual_stream(model, layer, vector)):
        good, bad = good_and_bad(next_token_logits(model, tokenizer, texts), tokenizer)
    return share(good > bad if to_good else bad > good)


def sampled_reviews(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Sampled continuations of neutral reviews, three each, at temperature 1.

    Sampling as the Gumbel-max trick: the largest of the logits plus Gumbel noise is a sample. The draws of
    `torch.multinomial` differ between versions of torch, those of `torch.rand` do not.
    """
    generator = torch.Generator().manual_seed(0)

    def add_gumbel_noise(input_ids: Tensor, logits: Tensor) -> Tensor:
        uniform = torch.rand(logits.shape, generator=generator).clamp(1e-9, 1 - 1e-7)
        return logits - (-uniform.log()).log()

    prompts = reviews.neutral_prompts() * 3
    texts = continuations(model, tokenizer, prompts, 24, logits_processor=[add_gumbel_noise])
    return ["The acting was " + text for text in texts]


def choose_coefficient(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layer: int, direction: Tensor
) -> float:
    """The smallest coefficient that flips 98 % of training reviews either way; more costs readability."""
    for step in range(10, 41):
        coefficient = step / 20
        vector = coefficient * direction
        if all(
            flips(model, tokenizer, layer, vector if to_good else -vector, to_good, held_out=False) >= 0.98
            for to_good in (True, False)
        ):
            return coefficient
    return 1.0


def sentiment(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Add the direction at one layer, at every position; a random vector of its norm for comparison."""
    layer = 1  # behind the block that reads single words, before the one that brings them together
    direction = sentiment_direction(model, tokenizer, layer)
    coefficient = choose_coefficient(model, tokenizer, layer, direction)
    vector = coefficient * direction
    noise = torch.randn(vector.shape, generator=torch.Generator().manual_seed(2))
    noise = noise / noise.norm() * vector.norm()
    out: dict[str, Any] = {
        "layer": layer,
        "coefficient": coefficient,
        "norm": round(vector.norm().item(), 2),
        "flips to good": flips(model, tokenizer, layer, vector, True),
        "flips to bad": flips(model, tokenizer, layer, -vector, False),
        "random vector flips": max(
            flips(model, tokenizer, layer, noise, True), flips(model, tokenizer, layer, noise, False)
        ),
    }
    samples = {"plain": sampled_reviews(model, tokenizer)}
    for name, sign in (("to good", 1), ("to bad", -1)):
        with add_hooks(add_vector_to_residual_stream(model, layer, sign * vector)):
            samples[name] = sampled_reviews(model, tokenizer)
    for name, texts in samples.items():
        out[f"readable, {name}"] = share_of(reviews.readable(text) for text in texts)
    return out


def share_of(values: Iterator[float]) -> float:
    """Mean of shares, rounded."""
    return round(float(torch.tensor(list(values)).mean()), 4)
