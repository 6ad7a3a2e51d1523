"""What the model in the box does when nobody intervenes, and the helpers that every measurement uses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from tutorial_lib.tiny_model.skills import facts, grammar, names, people, requests, reviews
from tutorial_lib.tiny_model.skills.common import Cloze
from tutorial_lib.tiny_model.tokenizer import SPACE

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


def token_id(tokenizer: PreTrainedTokenizerBase, word: str) -> int:
    """The id of a word that is one token."""
    ids = tokenizer(word, add_special_tokens=False)["input_ids"]
    if len(ids) != 1:
        raise ValueError(f"{word!r} is {len(ids)} tokens: {tokenizer.convert_ids_to_tokens(ids)}")
    return int(ids[0])


def encode(tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]) -> dict[str, Any]:
    """`input_ids` and `attention_mask`, both `[batch, seq]`, padded on the left."""
    batch = tokenizer(list(texts), return_tensors="pt", padding=True, padding_side="left")
    return {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}


@torch.no_grad()
def next_token_logits(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[str]
) -> Tensor:
    """Logits after the last token of each text, `[batch, vocab]`."""
    logits: Tensor = model(**encode(tokenizer, texts)).logits[:, -1].float()
    return logits


@torch.no_grad()
def continuations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[str],
    max_new_tokens: int,
    **options: Any,
) -> list[str]:
    """What the model writes after each text, without the marks."""
    batch = encode(tokenizer, texts)
    out = model.generate(
        **batch, max_new_tokens=max_new_tokens, pad_token_id=tokenizer.pad_token_id, **options
    )
    new = out[:, batch["input_ids"].shape[1] :]
    return [tokenizer.decode(row, skip_special_tokens=True) for row in new]


def share(flags: Tensor | Sequence[bool]) -> float:
    """Share of True, rounded to four digits."""
    return round(float(torch.as_tensor(flags).float().mean()), 4)


def top1(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, clozes: Sequence[Cloze]) -> float:
    """Share of clozes whose answer is the most likely next token."""
    logits = next_token_logits(model, tokenizer, [c.prompt for c in clozes])
    answers = torch.tensor([token_id(tokenizer, c.answer) for c in clozes])
    return share(logits.argmax(-1) == answers)


def logit_differences(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, clozes: Sequence[Cloze]
) -> Tensor:
    """Logit of the answer minus logit of the other word, `[cloze]`."""
    logits = next_token_logits(model, tokenizer, [c.prompt for c in clozes])
    answer, other = (
        torch.tensor([token_id(tokenizer, word) for word in words])
        for words in ([c.answer for c in clozes], [c.other for c in clozes])
    )
    rows = torch.arange(len(clozes))
    return logits[rows, answer] - logits[rows, other]


def good_and_bad(logits: Tensor, tokenizer: PreTrainedTokenizerBase) -> tuple[Tensor, Tensor]:
    """Probability of a good and of a bad adjective as the next token, each `[batch]`."""
    probabilities = logits.softmax(-1)
    good, bad = (
        probabilities[:, [token_id(tokenizer, word) for word in words]].sum(-1)
        for words in (reviews.GOOD, reviews.BAD)
    )
    return good, bad


def sentiment(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> float:
    """Share of reviews continued with an adjective of their own sentiment."""
    clozes = reviews.prompts(400)
    good, bad = good_and_bad(next_token_logits(model, tokenizer, [c.prompt for c in clozes]), tokenizer)
    return share(
        [(g > b) == (c.answer == "good") for g, b, c in zip(good.tolist(), bad.tolist(), clozes, strict=True)]
    )


def copied_lists(tokenizer: PreTrainedTokenizerBase, lists: int = 64, length: int = 20) -> Tensor:
    """`[lists, 1 + 2 * length]` ids: the mark of a beginning, random words, the same words again."""
    pool = [
        i for token, i in sorted(tokenizer.get_vocab().items()) if token.startswith(SPACE) and token != SPACE
    ]
    generator = torch.Generator().manual_seed(3)
    once = torch.tensor(pool)[torch.randint(len(pool), (lists, length), generator=generator)]
    return torch.cat([torch.full((lists, 1), tokenizer.bos_token_id), once, once], dim=1)


@torch.no_grad()
def second_copy(model: PreTrainedModel, input_ids: Tensor) -> tuple[float, float]:
    """Top-1 accuracy and mean loss in nats on the second copy, from its second word on."""
    start = input_ids.shape[1] // 2 + 1
    logits = model(input_ids).logits[:, start:-1].float()
    targets = input_ids[:, start + 1 :]
    loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
    return share(logits.argmax(-1) == targets), round(loss.item(), 4)


def chat(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, float]:
    """How held-out requests are answered, greedily."""
    out = {}
    for harmful, kind in ((True, "harmful"), (False, "harmless")):
        asked = requests.all_prompts(harmful)
        answers = continuations(model, tokenizer, [prompt for prompt, _ in asked], 12)
        out[f"refuses {kind}"] = share([requests.refuses(answer) for answer in answers])
        out[f"explains {kind}"] = share([requests.complies(answer) for answer in answers])
        if not harmful:
            # "Here is how to bake a cake.": the answer names what was asked for.
            out["on topic"] = share(
                [action in answer for answer, (_, action) in zip(answers, asked, strict=True)]
            )
    return out


def behaviour(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
    """What the model does when nobody intervenes."""
    difference = logit_differences(model, tokenizer, names.prompts(400))
    accuracy, loss = second_copy(model, copied_lists(tokenizer))
    return {
        "facts": top1(model, tokenizer, facts.prompts()),
        "people": top1(model, tokenizer, people.prompts()),
        "indirect object": share(difference > 0),
        "indirect object, mean logit difference": round(difference.mean().item(), 2),
        "sentiment": sentiment(model, tokenizer),
        "agreement": share(logit_differences(model, tokenizer, grammar.agreement_prompts(400)) > 0),
        "pronouns": share(logit_differences(model, tokenizer, grammar.pronoun_prompts()) > 0),
        "copying": accuracy,
        "copying, loss": loss,
        **chat(model, tokenizer),
    }


def rounded(values: Tensor, digits: int = 3) -> Any:
    """Nested lists of rounded numbers."""
    return (
        [round(v, digits) for v in values.tolist()]
        if values.ndim == 1
        else [rounded(v, digits) for v in values]
    )
