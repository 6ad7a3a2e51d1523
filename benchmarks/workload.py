"""The sizes, and what all variants of a size work on: one model, one batch, one vector, one direction."""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

NEW_TOKENS = 32
PROMPT_TOKENS = 16
VOCABULARY = 512


@dataclass(frozen=True)
class Size:
    """A random Llama and a batch for it.

    Attributes:
        calls: how many calls make one measurement, so that a short one lasts long enough to be timed.
        turns: how many measurements of each variant make one round.
        generates: whether generation is timed as well, in which each pass has one token a row.
    """

    name: str
    hidden: int
    layers: int
    heads: int
    batch: int
    seq: int
    calls: int
    turns: int
    generates: bool = True

    def __str__(self) -> str:
        return f"{self.layers} layers of width {self.hidden}, batch {self.batch}, {self.seq} tokens"


SIZES = {
    size.name: size
    for size in (
        Size("tiny", hidden=64, layers=8, heads=4, batch=1, seq=16, calls=5, turns=4),
        Size("realistic", hidden=512, layers=8, heads=8, batch=4, seq=128, calls=1, turns=1),
        Size("long", hidden=128, layers=8, heads=4, batch=8, seq=256, calls=1, turns=1, generates=False),
    )
}


@dataclass(frozen=True)
class Workload:
    """What every variant of a size is given.

    Attributes:
        ids: `[batch, seq]`.
        prompt: `[batch, 16]`, what is gone on from in steered generation.
        layer: half of the depth; the layer of every variant that reads or edits one layer.
        vector: `[hidden]`, what steering adds to the stream.
        unit: `[hidden]`, of length one, what ablation takes out.
    """

    size: Size
    model: Any
    ids: Tensor
    prompt: Tensor
    layer: int
    vector: Tensor
    unit: Tensor

    def own_model(self) -> Any:
        """A copy with the same weights, for a library that changes the model it is given."""
        return copy.deepcopy(self.model)


def build(size: Size, device: str = "cpu") -> Workload:
    """The same numbers on every machine: random weights and ids from a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=size.hidden,
        intermediate_size=3 * size.hidden,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        vocab_size=VOCABULARY,
    )
    model = LlamaForCausalLM(config).eval().to(device)
    # No token ends a text, so that every variant generates as many.
    model.generation_config.update(eos_token_id=None, bos_token_id=None, pad_token_id=0)
    ids = torch.randint(1, VOCABULARY, (size.batch, size.seq), generator=generator).to(device)
    vector, direction = torch.randn(2, size.hidden, generator=generator).to(device)
    return Workload(
        size=size,
        model=model,
        ids=ids,
        prompt=ids[:, :PROMPT_TOKENS],
        layer=size.layers // 2,
        vector=vector,
        unit=direction / direction.norm(),
    )
