"""Tiny models with random weights, one builder for each family that the library is tested on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import transformers
from torch import nn

D_MODEL, HEADS, VOCAB, LAYERS = 32, 4, 64, 3

# The same numbers under the names of the Llama line and of the GPT-2 line.
WIDTHS = {
    "hidden_size": D_MODEL,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "vocab_size": VOCAB,
    "max_position_embeddings": 64,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
LLAMA = {**WIDTHS, "num_key_value_heads": 2, "head_dim": 8}
OPT = {**WIDTHS, "ffn_dim": 48, "dropout": 0.0}


@dataclass(frozen=True)
class Family:
    """How to build one tiny model, and what the library must find in it."""

    config: str
    settings: dict[str, Any]
    kind: str
    blocks: str
    final_norm: str | None
    attention: str
    mlp: str = "mlp"
    tuple_output: bool = False


def llama_like(config: str, kind: str = "pre-norm", **settings: Any) -> Family:
    return Family(config, {**LLAMA, **settings}, kind, "model.layers", "model.norm", "self_attn")


def falcon(kind: str, **settings: Any) -> Family:
    return Family(
        "FalconConfig",
        {**WIDTHS, **settings},
        kind,
        "transformer.h",
        "transformer.ln_f",
        "self_attention",
        tuple_output=True,
    )


def neox(kind: str, parallel: bool) -> Family:
    settings = {**WIDTHS, "use_parallel_residual": parallel}
    return Family(
        "GPTNeoXConfig", settings, kind, "gpt_neox.layers", "gpt_neox.final_layer_norm", "attention"
    )


def bloom(kind: str, post: bool) -> Family:
    settings = {
        "hidden_size": D_MODEL,
        "n_layer": LAYERS,
        "n_head": HEADS,
        "vocab_size": VOCAB,
        "apply_residual_connection_post_layernorm": post,
    }
    return Family(
        "BloomConfig",
        settings,
        kind,
        "transformer.h",
        "transformer.ln_f",
        "self_attention",
        tuple_output=True,
    )


FAMILIES: dict[str, Family] = {
    "llama": llama_like("LlamaConfig"),
    "qwen2": llama_like("Qwen2Config"),
    "qwen3": llama_like("Qwen3Config"),
    "mistral": llama_like("MistralConfig", sliding_window=8),
    "gemma": llama_like("GemmaConfig"),
    "gemma2": llama_like("Gemma2Config", "sandwich", sliding_window=8, query_pre_attn_scalar=8),
    "gemma3": llama_like("Gemma3TextConfig", "sandwich", sliding_window=8, query_pre_attn_scalar=8),
    "gpt2": Family(
        "GPT2Config",
        {"n_embd": D_MODEL, "n_layer": LAYERS, "n_head": HEADS, "n_positions": 64, "vocab_size": VOCAB}
        | {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2},
        "pre-norm",
        "transformer.h",
        "transformer.ln_f",
        "attn",
    ),
    "gpt_neox": neox("parallel", True),
    "gpt_neox_sequential": neox("pre-norm", False),
    "opt": Family(
        "OPTConfig",
        OPT,
        "pre-norm",
        "model.decoder.layers",
        "model.decoder.final_layer_norm",
        "self_attn",
        "fc2",
    ),
    "opt_post_norm": Family(
        "OPTConfig",
        {**OPT, "do_layer_norm_before": False, "word_embed_proj_dim": 16},
        "post-norm",
        "model.decoder.layers",
        None,
        "self_attn",
        "fc2",
    ),
    "bloom": bloom("pre-norm", False),
    "bloom_post_norm": bloom("post-norm", True),
    "falcon": falcon("parallel"),
    "falcon_sequential": falcon("pre-norm", parallel_attn=False, alibi=True),
    "falcon_new": falcon("parallel", new_decoder_architecture=True, num_kv_heads=2),
    "phi": Family("PhiConfig", WIDTHS, "parallel", "model.layers", "model.final_layernorm", "self_attn"),
}


def build(name: str, **settings: Any) -> Any:
    """The tiny model of a family, with random weights that are the same every time."""
    family = FAMILIES[name]
    config = getattr(transformers, family.config)(**{**family.settings, **settings})
    torch.manual_seed(0)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    # Norms start as identities and biases as zeros: with other values a forgotten norm or bias shows.
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def build_gemma3_vision() -> Any:
    """A vision-language model: its config has no `hidden_size` and its vision tower has blocks too."""
    vision = {
        "hidden_size": 48,
        "intermediate_size": 32,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
    }
    config = transformers.Gemma3Config(
        text_config={**FAMILIES["gemma3"].settings, "vocab_size": VOCAB},
        vision_config={**vision, "image_size": 16, "patch_size": 8},
        mm_tokens_per_image=4,
        image_token_index=60,
        boi_token_index=61,
        eoi_token_index=62,
    )
    torch.manual_seed(0)
    return transformers.Gemma3ForConditionalGeneration(config).eval()


def token_ids(batch: int = 2, seq: int = 7) -> torch.Tensor:
    """Token ids `[batch, seq]` that none of the models takes for a special token."""
    return torch.randint(5, 60, (batch, seq), generator=torch.Generator().manual_seed(1))


def hooks_on(model: nn.Module) -> list[tuple[str, Callable[..., Any]]]:
    """Every hook on every module but those that transformers itself leaves for `output_hidden_states`."""
    found = []
    for name, module in model.named_modules():
        for kind in ("_forward_pre_hooks", "_forward_hooks", "_backward_hooks", "_backward_pre_hooks"):
            found += [(f"{name}.{kind}", hook) for hook in getattr(module, kind).values()]
        notes = (
            "_forward_pre_hooks_with_kwargs",
            "_forward_hooks_with_kwargs",
            "_forward_hooks_always_called",
        )
        for kind in notes:
            found += [(f"{name}.{kind}", print) for _ in getattr(module, kind)]
    return [(name, hook) for name, hook in found if getattr(hook, "__name__", "") != "output_capturing_hook"]


def tables(model: nn.Module) -> list[tuple[str, list[tuple[int, Any]]]]:
    """Every table of hooks and notes about hooks, each entry by number and identity, in their order.

    What a module was given in the place of its `forward` is among them. Not those hooks that transformers
    itself leaves for `output_hidden_states`.
    """
    found: list[tuple[str, list[tuple[int, Any]]]] = []
    for name, module in model.named_modules():
        for table, entries in vars(module).items():
            if "_hooks" in table and isinstance(entries, dict) and "state_dict" not in table:
                mine = [
                    (key, id(entry))
                    for key, entry in entries.items()
                    if getattr(entry, "__name__", "") != "output_capturing_hook"
                ]
                found.append((f"{name}.{table}", mine))
        forward = vars(module).get("forward")
        if forward is not None and getattr(forward, "__func__", None) is not type(module).forward:
            found.append((f"{name}.forward", [(0, id(forward))]))
    return found
