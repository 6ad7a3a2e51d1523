"""What interventions do to the model in the box: the measurements behind the effects that the pages show.

All of them use the library as a reader would: `add_hooks`, `cache_residual_streams` and the interventions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tutorial_lib.architecture import map_model
from tutorial_lib.hooks import add_hooks
from tutorial_lib.interventions import ablate_direction_from_residual, add_vector_to_residual_stream
from tutorial_lib.patching import patch_residual_stream
from tutorial_lib.residual import cache_residual_streams, get_residual_stream_at_layer
from tutorial_lib.tiny_model.corpus import SKILLS
from tutorial_lib.tiny_model.evaluate import (
    continuations,
    copied_lists,
    encode,
    good_and_bad,
    next_token_logits,
    second_copy,
    share,
    token_id,
)
from tutorial_lib.tiny_model.skills import facts, names, requests, reviews
from tutorial_lib.tiny_model.skills.common import Cloze

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def rounded(values: Tensor, digits: int = 3) -> Any:
    """Nested lists of rounded numbers."""
    return (
        [round(v, digits) for v in values.tolist()]
        if values.ndim == 1
        else [rounded(v, digits) for v in values]
    )


# --- induction ------------------------------------------------------------------------------------


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


# --- logit lens -----------------------------------------------------------------------------------


@torch.no_grad()
def streams_at_last_token(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Tensor:
    """`[n_layers + 1, text, d_model]`: before each block, and after the last one."""
    cache, _ = cache_residual_streams(model, **encode(tokenizer, texts), after_last_block=True, positions=-1)
    return torch.stack([stream[:, 0] for stream in cache.values()])


@torch.no_grad()
def logit_lens(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """Top-1 accuracy if each layer's stream went straight to the final norm and the unembedding."""
    modules = map_model(model)
    norm, unembedding = modules.final_norm, modules.unembedding
    assert norm is not None
    assert unembedding is not None

    def by_layer(clozes: Sequence[Cloze]) -> list[float]:
        streams = streams_at_last_token(model, tokenizer, [c.prompt for c in clozes])
        answers = torch.tensor([token_id(tokenizer, c.answer) for c in clozes])
        logits = unembedding(norm(streams))
        right: list[float] = rounded((logits.argmax(-1) == answers).float().mean(-1))
        return right

    return {"facts": by_layer(facts.prompts()), "indirect object": by_layer(names.prompts(300))}


# --- refusal --------------------------------------------------------------------------------------


def refusal_direction(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layer: int) -> Tensor:
    """Mean stream at the assistant's mark, harmful minus harmless training requests: `[d_model]`, norm 1.

    Difference of means as in Arditi et al. (arXiv 2406.11717).
    """
    means = [
        get_residual_stream_at_layer(
            model, layer, **encode(tokenizer, requests.prompts(200, harmful, held_out=False)), positions=-1
        ).mean((0, 1))
        for harmful in (True, False)
    ]
    difference = means[0] - means[1]
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


# --- sentiment ------------------------------------------------------------------------------------


def sentiment_direction(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, layer: int) -> Tensor:
    """Mean stream at good words minus mean stream at bad words of training reviews: `[d_model]`.

    Taken at the words that carry the sentiment, not at the place that needs it: added everywhere it
    changes what the model reads. Taken just before an adjective is due, it asks for one at every position.
    """
    means = []
    for good, polar in ((True, reviews.GOOD + reviews.LIKED), (False, reviews.BAD + reviews.DISLIKED)):
        texts = [c.prompt for c in reviews.prompts(200, held_out=False, good=good, seed=int(good))]
        batch = encode(tokenizer, texts)
        stream = get_residual_stream_at_layer(model, layer, **batch)
        at_words = torch.isin(batch["input_ids"], torch.tensor([token_id(tokenizer, word) for word in polar]))
        means.append(stream[at_words].mean(0))
    return means[0] - means[1]


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


# --- patching -------------------------------------------------------------------------------------


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
