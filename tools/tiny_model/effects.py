"""Where the model in the box has what it knows: the logit lens and activation patching."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tools.tiny_model.behaviour import (
    encode,
    rounded,
    token_id,
)
from tutorial_lib import lens
from tutorial_lib.hooks import add_hooks
from tutorial_lib.patching import patch_residual_stream
from tutorial_lib.residual import cache_residual_streams
from tutorial_lib.tiny_model.skills import facts, names
from tutorial_lib.tiny_model.skills.common import Cloze

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def logit_lens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Top-1 accuracy if each layer's stream went straight to the final norm and the unembedding."""

    def by_layer(clozes: Sequence[Cloze]) -> list[float]:
        logits = lens.logit_lens(model, **encode(tokenizer, [c.prompt for c in clozes]), positions=-1)[
            :, :, 0
        ]
        answers = torch.tensor([token_id(tokenizer, c.answer) for c in clozes])
        right: list[float] = rounded((logits.argmax(-1) == answers).float().mean(-1))
        return right

    return {"facts": by_layer(facts.prompts()), "indirect object": by_layer(names.prompts(300))}


@torch.no_grad()
def patching(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Copy one position of the stream from 'The capital city of France is' into the same text about Peru.

    The share of the logit difference that comes back, by layer, for the country's position and the last:
    0 is the text about Peru untouched, 1 the one about France (Meng et al., arXiv 2202.05262).
    """
    rng = random.Random(9)
    pairs = [(row, rng.choice([r for r in facts.COUNTRIES if r[1] != row[1]])) for row in facts.COUNTRIES]
    clean, corrupt = (
        encode(tokenizer, [f"The capital city of {pair[which][0]} is" for pair in pairs]) for which in (0, 1)
    )
    right, wrong = (torch.tensor([token_id(tokenizer, pair[w][1]) for pair in pairs]) for w in (0, 1))
    rows = torch.arange(len(pairs))

    def difference(logits: Tensor) -> float:
        last = logits[:, -1]
        return float((last[rows, right] - last[rows, wrong]).mean())

    cache, output = cache_residual_streams(model, **clean)
    best, worst = difference(output.logits), difference(model(**corrupt).logits)
    out: dict[str, list[float]] = {"country": [], "last": []}
    for layer, stream in enumerate(cache.values()):
        for name, position in (("country", -2), ("last", -1)):
            with add_hooks(patch_residual_stream(model, layer, stream, position)):
                restored = (difference(model(**corrupt).logits) - worst) / (best - worst)
            out[name].append(round(restored, 3))
    return {"restored by layer": out}
