"""What cannot be read from a config: one entry a type, with the reason.

Most reasons are one of three. The default config of a type does not run as it is, because it leaves a size to
the checkpoint. Or it is so plain that the tiny model would lack what the type is known for. Or sizes are
bound to each other in a way that no field says.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

Fields: TypeAlias = dict[str, Any]
Shrink: TypeAlias = Callable[..., Any]
Special: TypeAlias = Callable[[Any, Fields, Shrink], Fields]

_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
_ATTENTION = ["sliding_attention", "full_attention"] * 2


def _given(**values: Any) -> Special:
    """The shrunk fields with some of them set."""
    return lambda config, fields, shrink: {**fields, **values}


def _where_missing(**values: Any) -> Special:
    """The shrunk fields with some of them set where the config leaves them open."""

    def fill(config: Any, fields: Fields, shrink: Shrink) -> Fields:
        return {**fields, **{name: value for name, value in values.items() if fields.get(name) is None}}

    return fill


def _blt(config: Any, fields: Fields, shrink: Shrink) -> Fields:
    """Four models in one. The global one is twice as wide, as it reads two heads of the local ones."""
    vocab = 260  # bytes and four markers
    return {
        **fields,
        "vocab_size": vocab,
        # Transformers 5.23 cannot make its cache: it looks for a depth in the outer config.
        "use_cache": False,
        "encoder_hash_byte_group_vocab": 50,
        "patcher_config": shrink(config.patcher_config, vocab_size=vocab),
        "encoder_config": shrink(config.encoder_config, vocab_size=vocab, hidden_size_global=128),
        "decoder_config": shrink(config.decoder_config, vocab_size=vocab, hidden_size_global=128),
        "global_config": shrink(config.global_config, hidden_size=128),
    }


def _dbrx(config: Any, fields: Fields, shrink: Shrink) -> Fields:
    """The default of its attention lacks a field that the model reads, and has one key for all heads."""
    attention = shrink(config.attn_config, rope_theta=10000.0, kv_n_heads=2, clip_qkv=8.0)
    return {**fields, "attn_config": attention, "num_key_value_heads": 2}


def _granite_hybrid(config: Any, fields: Fields, shrink: Shrink) -> Fields:
    old = "linear_attention" not in (config.layer_types or [])  # the names of transformers 4.57
    kinds = ["mamba", "attention"] if old else ["linear_attention", "full_attention"]
    return {**fields, "layer_types": kinds * 2, "position_embedding_type": "rope"}


def _zamba(config: Any, fields: Fields, shrink: Shrink) -> Fields:
    plain = "mamba" if "mamba" in config.layers_block_type else "linear_attention"
    layers = {"num_hidden_layers": 6, "layers_block_type": [plain, plain, "hybrid"] * 2}
    return {
        **fields,
        **layers,
        "attention_hidden_size": 128,
        "attention_head_dim": 32,
        "use_mamba_kernels": False,
    }


def _gemma4_assistant(config: Any, fields: Fields, shrink: Shrink) -> Fields:
    """A draft model: no per-layer embeddings, and all of its layers share the keys of another model."""
    text = shrink(
        config.text_config,
        hidden_size_per_layer_input=0,
        vocab_size_per_layer_input=0,
        num_kv_shared_layers=4,
    )
    return {**fields, "text_config": text, "centroid_intermediate_top_k": 2}


_GEMMA4 = _given(layer_types=_ATTENTION, num_kv_shared_layers=2)

SPECIAL: dict[str, Special] = {
    # The default has no attention layer.
    "bamba": _where_missing(attn_layer_indices=[1, 3]),
    # On a prompt shorter than eleven blocks the model swaps its attention modules for full ones, for good.
    # Here it has them from the start.
    "big_bird": _given(attention_type="original_full"),
    "blt": _blt,
    "dbrx": _dbrx,
    # Layer types and positions of the default are bound by name.
    "cohere_compass_text": _given(
        layer_types=_ATTENTION, rope_parameters={"sliding_attention": _ROPE, "full_attention": _ROPE}
    ),
    # The sizes of experts are left to the checkpoint.
    "deepseek_v2": _where_missing(num_experts_per_tok=2),
    "dots1": _where_missing(n_routed_experts=4, n_shared_experts=1, num_experts_per_tok=2),
    # Layers with a window have sizes of their own.
    "dots3_note_text": _given(
        swa_num_attention_heads=4,
        swa_num_key_value_heads=4,
        swa_q_lora_rank=32,
        swa_kv_lora_rank=32,
        swa_head_dim=24,
        swa_qk_nope_head_dim=16,
        swa_v_head_dim=16,
    ),
    # Half of the layers share the keys of others, of the same type of attention.
    "gemma3n_text": _given(
        layer_types=_ATTENTION, num_kv_shared_layers=2, activation_sparsity_pattern=[0.95, 0.95, 0.0, 0.0]
    ),
    "gemma4_text": _GEMMA4,
    "gemma4_unified_text": _GEMMA4,
    "gemma4_assistant": _gemma4_assistant,
    "gemma4_unified_assistant": _gemma4_assistant,
    # Written as a pattern and how often it is repeated.
    "gpt_neo": _given(attention_types=[[["global", "local"], 2]], attention_layers=["global", "local"] * 2),
    # The default has no attention layer, and no positions.
    "granitemoehybrid": _granite_hybrid,
    # Its fast kernels need a GPU, and transformers 4.57 asks for them in any case.
    "jamba": _given(use_mamba_kernels=False),
    # The number of layers that it was given is kept in one field, what it makes of that in the other.
    "hrm_text": _given(num_layers_per_stack=None),
    # The default leaves the width of a head open, and the model does not work it out.
    "hunyuan_v1_dense": _where_missing(head_dim=16),
    "hunyuan_v1_moe": _where_missing(head_dim=16),
    "ministral": _where_missing(head_dim=16),
    "nemotron": _where_missing(num_key_value_heads=2),
    # Scales queries by position, in units of this length.
    "ministral3": _given(
        rope_parameters={**_ROPE, "llama_4_scaling_beta": 0.1, "original_max_position_embeddings": 64}
    ),
    "lfm2_moe": _where_missing(layer_types=["conv", "full_attention"] * 2),
    # Its rotated part is the whole `head_dim`.
    "longcat_flash": _given(head_dim=8),
    # Heads times their width must be twice the width of the stream.
    "mamba2": _given(num_heads=8, head_dim=16),
    "qwen4_exp_text": _where_missing(
        indexer_n_heads=2, indexer_kv_heads=1, indexer_head_dim=16, indexer_budget=8, indexer_compress_ratio=2
    ),
    # Positions are a grid, whose sides multiply to the length; both kinds of hashing attention.
    "reformer": _given(
        attn_layers=["local", "lsh"] * 2,
        axial_pos_shape=(8, 16),
        axial_pos_embds_dim=(32, 32),
        local_attn_chunk_length=4,
        lsh_attn_chunk_length=4,
        num_buckets=2,
        hash_seed=0,
        is_decoder=True,
    ),
    # The cache rounds the width of queries up to a multiple of 64.
    "xlstm": _given(qk_dim_factor=1.0),
    # One adapter for each language.
    "xmod": _where_missing(default_language="en_XX"),
    # One attention block is shared by all hybrid layers, of which there must be two.
    "zamba": _zamba,
    # It routes each token to one expert.
    "zaya": _given(num_experts_per_tok=1),
}


def _other_tower(config: Any) -> None:
    """The vision tower needs the package timm. Text does not pass through the tower: any other one does."""
    from transformers import SiglipVisionConfig

    sizes = dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=4)
    tower = SiglipVisionConfig(image_size=16, patch_size=8, **sizes)
    for name in ("vocab_size", "vocab_offset", "rms_norm_eps"):
        vars(tower)[name] = getattr(config.vision_config, name)
    vars(config)["vision_config"] = tower  # an ordinary assignment would check the class


def _half_shared(config: Any) -> None:
    """The config demands that all layers share keys, and the model of transformers 5.23 then raises."""
    config.text_config.num_kv_shared_layers = 2


# What is done to a tiny config after it is made, where the checks of its class stand in the way.
FINISH: dict[str, Callable[[Any], None]] = {
    "gemma3n": _other_tower,
    "gemma4_assistant": _half_shared,
    "gemma4_unified_assistant": _half_shared,
}


def _default_assistant(config_class: Any) -> Any:
    from transformers import Gemma4TextConfig

    text = Gemma4TextConfig(
        hidden_size_per_layer_input=0, vocab_size_per_layer_input=0, num_kv_shared_layers=30
    )
    return config_class(text_config=text)


# Types whose config class refuses its own defaults.
DEFAULTS: dict[str, Callable[[Any], Any]] = {"gemma4_assistant": _default_assistant}
