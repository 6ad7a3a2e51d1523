"""What the explorer of chapter 4 shows, computed with the library on the model in the box."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tools.tiny_model.sentiment import sentiment_direction
from tutorial_lib import (
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    get_residual_stream_at_layer,
    load_model,
)
from tutorial_lib.hooks import HookPair
from tutorial_lib.lens import project_to_logits
from tutorial_lib.tiny_model.skills.facts import COUNTRIES

COEFFICIENTS = (-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0)
TOP = 3
NEW_TOKENS = 6
RANDOM = "at random, of the same length"


@dataclass(frozen=True)
class Steering:
    """A vector, and where it is added.

    Attributes:
        name: what the vector stands for, in a reader's words.
        layer: of the block before which it is added.
        positions: the positions; all of them, if None.
        vector: `[d_model]`.
    """

    name: str
    layer: int
    positions: list[int] | None
    vector: Tensor


@functools.cache
def _box() -> tuple[Any, Any]:
    return load_model()


def explorer_data() -> dict[str, Any]:
    """Everything, ready for JSON.

    Returns:
        `coefficients`; `words`, which the runs refer to by number; `prompts`, each with its `text`, `tokens`,
        the `answer` that the untouched model gives, where it is steered (`layer`, `positions`), and
        `vectors`: name, norm and a run for each coefficient. A run has what the model `says`, greedily, and
        its `cells`: by layer, by position, [norm * 10, thousandths of the answer, then word and thousandths,
        three times].
    """
    words: dict[str, int] = {}
    prompts = [_prompt(text, steering, words) for text, steering in _chosen()]
    return {"coefficients": list(COEFFICIENTS), "words": list(words), "prompts": prompts}


def _encode(texts: Sequence[str]) -> Any:
    model, tokenizer = _box()
    return tokenizer(list(texts), return_tensors="pt", padding=True).to(model.device)


def _at(text: str, layer: int, position: int) -> Tensor:
    model, _ = _box()
    return get_residual_stream_at_layer(model, layer, **_encode([text]), positions=position)[0, 0]


def _chosen() -> list[tuple[str, Steering]]:
    """The prompts, each with what is added to it."""
    model, tokenizer = _box()
    questions = _encode([f"The capital of {row[0]} is" for row in COUNTRIES])
    countries = get_residual_stream_at_layer(model, 1, **questions, positions=-2)[:, 0]
    place = [row[0] for row in COUNTRIES].index("France")
    france = Steering("towards France", 1, [4], countries[place] - countries.mean(0))

    story = "When John and Mary went to the store, {} gave a drink to"
    john, mary = story.format("John"), story.format("Mary")
    who = 10  # the second time that a name comes
    other = Steering("from the second John to a second Mary", 0, [who], _at(mary, 0, who) - _at(john, 0, who))

    review = "I thought the singer was boring. I thought the band was boring. The music was"
    good = Steering("from bad words to good words", 1, None, sentiment_direction(model, tokenizer, 1))
    return [
        ("The capital of Japan is", france),
        ("The capital of Kenya is", france),
        (john, other),
        (review, good),
    ]


def _random_like(vector: Tensor) -> Tensor:
    noise = torch.randn(vector.shape, generator=torch.Generator().manual_seed(0)).to(vector)
    scaled: Tensor = noise * vector.norm() / noise.norm()
    return scaled


def _prompt(text: str, steering: Steering, words: dict[str, int]) -> dict[str, Any]:
    model, tokenizer = _box()
    batch = _encode([text])
    with torch.no_grad():
        answer = int(model(**batch).logits[0, -1].argmax())
    vectors = {steering.name: steering.vector, RANDOM: _random_like(steering.vector)}
    tokens = tokenizer.convert_ids_to_tokens(batch["input_ids"][0])

    def hooks(vector: Tensor, scale: float) -> list[HookPair]:
        return add_vector_to_residual_stream(model, steering.layer, vector, steering.positions, scale=scale)

    return {
        "text": text,
        "tokens": [token.replace("▁", "") for token in tokens],
        "answer": _word(answer),
        "layer": steering.layer,
        "positions": steering.positions,
        "vectors": [
            {
                "name": name,
                "norm": round(vector.norm().item(), 1),
                "runs": [_run(batch, hooks(vector, scale), answer, words) for scale in COEFFICIENTS],
            }
            for name, vector in vectors.items()
        ],
    }


@torch.no_grad()
def _run(batch: Any, hooks: list[HookPair], answer: int, words: dict[str, int]) -> dict[str, Any]:
    model, tokenizer = _box()
    with add_hooks(hooks):
        streams, _ = cache_residual_streams(model, **batch, after_last_block=True)
        # Without a cache every call has the whole text, so the positions mean the same tokens in each.
        text = model.generate(**batch, max_new_tokens=NEW_TOKENS, do_sample=False, use_cache=False)
    stream = torch.cat(list(streams.values()))  # [n_layers + 1, seq, d_model]
    chances = project_to_logits(model, stream).float().softmax(-1)
    best, ids = chances.topk(TOP)

    def cell(layer: int, position: int) -> list[int]:
        numbers = [
            round(10 * stream[layer, position].norm().item()),
            _thousandths(chances[layer, position, answer]),
        ]
        for token, chance in zip(ids[layer, position], best[layer, position], strict=True):
            numbers += [words.setdefault(_word(int(token)), len(words)), _thousandths(chance)]
        return numbers

    layers, positions = stream.shape[:2]
    return {
        "says": tokenizer.decode(text[0, batch["input_ids"].shape[1] :], skip_special_tokens=True).strip(),
        "cells": [[cell(layer, position) for position in range(positions)] for layer in range(layers)],
    }


def _word(token: int) -> str:
    _, tokenizer = _box()
    return str(tokenizer.decode([token])).strip() or str(tokenizer.convert_ids_to_tokens(token))


def _thousandths(chance: Tensor) -> int:
    return round(1000 * chance.item())
