"""The sizes of a tiny config, under each of the names that the configs of transformers give them.

There are far fewer ideas than names. A field that is not here keeps the value of the config, which is right
for flags, epsilons and the like; a size that is missing here shows at once, as a model that is large.
"""

LAYERS, D_MODEL, HEADS, KV_HEADS, HEAD_DIM, D_MLP, VOCAB, CONTEXT = 4, 64, 4, 2, 16, 128, 128, 128

_NAMES: tuple[tuple[int, str], ...] = (
    # Depth. A multi-token-prediction head is a model of its own behind the last block: none.
    (LAYERS, "num_hidden_layers n_layer n_layers num_layers decoder_layers encoder_layers num_blocks"),
    (LAYERS, "num_encoder_layers num_decoder_layers"),
    (0, "num_nextn_predict_layers num_mtp_layers"),
    # Widths of the stream and of what is embedded.
    (
        D_MODEL,
        "hidden_size d_model n_embd emb_dim embedding_dim word_embed_proj_dim embedding_size lru_width",
    ),
    (D_MODEL, "output_embedding_size attention_hidden_size backbone_hidden_size cross_attention_hidden_size"),
    (D_MODEL, "pronunciation_embed_dim shape_embed_dim"),
    (32, "input_embedding_size ple_embed_dim"),
    (16, "hidden_size_per_layer_input hc_lowrank"),
    # Vocabularies and lengths. Windows and chunks are shorter than the prompts, so that they matter.
    (VOCAB, "vocab_size vocab_size_per_layer_input decoder_vocab_size unpadded_vocab_size audio_vocab_size"),
    (50, "pronunciation_vocab_size shape_vocab_size ngram_vocab_size_base"),
    (8, "make_ngram_vocab_size_divisible_by"),
    (4, "split_ngram_parts prompt_length"),
    (2, "heads_per_ngram num_codebooks"),
    (CONTEXT, "max_position_embeddings n_positions n_ctx max_seq_len context_length max_target_positions"),
    (CONTEXT, "max_source_positions original_max_position_embeddings position_bias_max_distance"),
    (32, "position_bias_num_buckets"),
    (16, "mem_len rel_extent"),
    (8, "sliding_window sliding_window_size attention_window_size window_size local_attention"),
    (8, "keep_window_size local_attention_window_len attention_chunk_size"),
    # Attention.
    (HEADS, "num_attention_heads n_head n_heads num_heads attention_heads decoder_attention_heads"),
    (HEADS, "encoder_attention_heads num_encoder_attention_heads num_decoder_attention_heads"),
    (HEADS, "swa_num_attention_heads linear_num_heads linear_num_value_heads"),
    (KV_HEADS, "num_key_value_heads num_kv_heads kv_n_heads swa_num_key_value_heads num_query_groups"),
    (KV_HEADS, "num_global_key_value_heads linear_num_key_heads"),
    (HEAD_DIM, "head_dim attention_head_size dim_head kv_channels d_head d_kv swa_head_dim v_head_dim"),
    (HEAD_DIM, "swa_v_head_dim qk_nope_head_dim global_head_dim linear_head_dim linear_key_head_dim"),
    (HEAD_DIM, "linear_value_head_dim attention_head_dim query_pre_attn_scalar"),
    (8, "qk_rope_head_dim rotary_dim d_rel"),
    (24, "qk_head_dim"),
    (32, "q_lora_rank kv_lora_rank o_lora_rank"),
    (8, "gated_norm_rank adapter_rank laurel_rank"),
    (2, "o_groups num_kv_shared_layers max_window_layers global_attn_every_n_layers attn_layer_period"),
    (1, "attn_layer_offset"),
    # Sparse attention: an indexer picks among blocks of tokens.
    (2, "index_n_heads indexer_n_heads index_topk_blocks indexer_compress_ratio"),
    (1, "indexer_kv_heads"),
    (HEAD_DIM, "index_head_dim indexer_head_dim"),
    (8, "index_topk indexer_budget"),
    (4, "index_block_size"),
    # MLPs and experts.
    (D_MLP, "intermediate_size ffn_dim decoder_ffn_dim encoder_ffn_dim d_inner n_inner dff dim_ff"),
    (D_MLP, "ffn_hidden_size intermediate_size_mlp dense_intermediate_size feed_forward_size"),
    (D_MLP, "prefix_dense_intermediate_size mamba_intermediate_size mamba_d_ssm"),
    # Not the width of the stream: what has its shape is taken for a stream.
    (48, "moe_intermediate_size shared_expert_intermediate_size shared_experts_intermediate_size"),
    (48, "shared_intermediate_size moe_shared_expert_intermediate_size expert_ffn_hidden_size"),
    (32, "router_hidden_size"),
    (16, "block_multiple_of"),
    (4, "num_experts n_routed_experts num_local_experts moe_num_experts num_centroids"),
    (2, "num_experts_per_tok num_experts_per_token moe_topk moe_top_k moe_k top_k_experts topk"),
    (2, "zero_expert_num expert_layer_period"),
    (1, "n_shared_experts num_shared_experts moe_num_shared_experts expert_layer_offset"),
    (1, "n_group num_expert_group topk_group first_k_dense_replace num_dense_layers moe_layer_start_index"),
    (3, "moe_layer_end_index"),
    # State-space layers.
    (8, "mamba_d_state state_size ssm_state_size mamba_n_heads mamba_num_heads mamba_chunk_size chunk_size"),
    (HEAD_DIM, "mamba_d_head mamba_head_dim mamba_headdim"),
    (4, "mamba_d_conv time_step_rank mamba_dt_rank"),
    (3, "conv_L_cache"),
    (2, "mamba_expand expand n_mamba_heads"),
    (1, "n_groups mamba_n_groups mamba_ngroups"),
    (6, "rescale_every"),
    # Images.
    (16, "image_size"),
    (8, "patch_size"),
)
SIZES: dict[str, int] = {name: size for size, names in _NAMES for name in names.split()}

# Token ids that `generate` treats in a special way; any other id of a special token counts up from 100, so
# that a random prompt below it is text alone.
TOKENS: dict[str, int | None] = {
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "forced_eos_token_id": None,
}
OTHER_TOKENS = (
    "sep_token_id",
    "cls_token_id",
    "decoder_start_token_id",
    "eod_token_id",
    "mask_token_id",
    "unk_token_id",
)
FIRST_MARKER = 100
