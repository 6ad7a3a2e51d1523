"""What training sees: lists of random words written twice, then documents packed into rows."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from tutorial_lib.tiny_model import corpus
from tutorial_lib.tiny_model.tokenizer import SPECIAL

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

IGNORE = -100  # cross_entropy leaves these targets out


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the weights."""

    seed: int = 0
    copy_steps: int = 1200
    skill_steps: int = 2000
    rows: int = 16
    row_length: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 0.05
    warmup: int = 100
    d_model: int = 128
    layers: int = 4
    heads: int = 4
    d_mlp: int = 384
    init_std: float = 0.06


@dataclass(frozen=True)
class TrainingBatch:
    """`input_ids` and `targets` are `[batch, seq]`; a target is the id itself or IGNORE, not yet shifted."""

    input_ids: Tensor
    targets: Tensor
    arguments: dict[str, Tensor]


def copy_batch(recipe: Recipe, vocab_size: int) -> TrainingBatch:
    """Random tokens written twice; only the second copy can be predicted, so only it is asked for."""
    length = int(torch.randint(8, 32, ()))
    rows = recipe.rows * recipe.row_length // (2 * length)
    once = torch.randint(len(SPECIAL), vocab_size, (rows, length))
    input_ids = torch.cat([once, once], dim=1)
    return TrainingBatch(input_ids, torch.cat([torch.full_like(once, IGNORE), once], dim=1), {})


class PackedRows:
    """Documents packed into rows, each attending to itself alone, with positions that start at 0."""

    def __init__(self, recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> None:
        self.recipe, self.bos = recipe, tokenizer.bos_token_id
        self.encode = tokenizer.backend_tokenizer.encode
        self.rng = random.Random(recipe.seed)

    def row(self) -> tuple[list[int], list[int]]:
        """One row of ids and targets. A document that does not fit is cut."""
        ids: list[int] = []
        targets: list[int] = []
        while len(ids) < self.recipe.row_length:
            document = corpus.document(self.rng)
            new = self.encode(document.text, add_special_tokens=False).ids
            ids += new
            hidden = len(self.encode(document.unpredictable, add_special_tokens=False).ids)
            targets += [IGNORE] * hidden + new[hidden:]
        return ids[: self.recipe.row_length], targets[: self.recipe.row_length]

    def batch(self) -> TrainingBatch:
        rows = [self.row() for _ in range(self.recipe.rows)]
        input_ids, targets = (torch.tensor(column) for column in zip(*rows, strict=True))
        at = torch.arange(input_ids.shape[1]).expand_as(input_ids)
        begins = input_ids == self.bos
        document = begins.cumsum(1)
        same = document[:, :, None] == document[:, None, :]
        mask = (same & torch.ones_like(same[0]).tril())[:, None]  # [batch, 1, seq, seq], True: may look
        positions = at - torch.where(begins, at, 0).cummax(1).values
        return TrainingBatch(input_ids, targets, {"attention_mask": mask, "position_ids": positions})
