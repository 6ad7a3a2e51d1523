"""The two models of the comparison, and each of them in the hands of TransformerLens and nnsight."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForCausalLM, GPT2Config

from tutorial_lib import load_model

PROMPTS = ["The capital of France is", "The capital of Italy is"]


@dataclass(frozen=True)
class Given:
    """What a comparison works with. The models have `eager` attention; whoever changes one takes a copy."""

    llama: Any
    gpt2: Any
    tokenizer: Any
    ids: torch.Tensor

    @property
    def models(self) -> dict[str, Any]:
        return {"llama": self.llama, "gpt2": self.gpt2}


def make() -> Given:
    """The model in the box, and a GPT-2 with random weights, those of norms and biases among them."""
    llama, tokenizer = load_model()
    torch.manual_seed(0)
    sizes = dict(
        n_embd=32,
        n_layer=4,
        n_head=4,
        n_positions=64,
        vocab_size=len(tokenizer),
    )
    config = GPT2Config(**sizes, bos_token_id=0, eos_token_id=1, pad_token_id=2)
    gpt2 = AutoModelForCausalLM.from_config(config).eval()
    for name, parameter in gpt2.named_parameters():
        if "ln_" in name or name.endswith("bias"):
            torch.nn.init.normal_(parameter, 1.0 if name.endswith("weight") else 0.0, 0.2)
    for model in (llama, gpt2):
        model.set_attn_implementation("eager")
    return Given(
        llama,
        gpt2,
        tokenizer,
        tokenizer(PROMPTS, return_tensors="pt").input_ids,
    )


def bridge_of(given: Given, model: Any, *, tokenizer: Any = None, take: bool = False) -> Any:
    """A bridge to a copy of the model, or with `take` to the model itself, which it changes."""
    from transformer_lens.model_bridge import TransformerBridge

    return TransformerBridge.boot_transformers(
        "in the box",
        hf_model=model if take else copy.deepcopy(model),
        tokenizer=copy.deepcopy(tokenizer or given.tokenizer),
    )


def nnsight_of(given: Given, model: Any, tokenizer: Any = None) -> Any:
    """nnsight's view of the model."""
    from nnsight import TransformersModel

    return TransformersModel(model, tokenizer=tokenizer or copy.deepcopy(given.tokenizer))
