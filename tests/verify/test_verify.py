"""verify_model: what it measures on each kind of model, and that every check can turn red."""

import copy
import random

import pytest
import torch
import transformers
from torch import nn

from tests.tiny_families import D_MODEL, LAYERS, LLAMA, VOCAB, WIDTHS, build, hooks_on, token_ids
from tutorial_lib import (
    UnaddressableStreamError,
    ablate_direction_from_residual,
    add_hooks,
    add_vector_to_residual_stream,
    find_blocks,
    map_model,
    verify_model,
)
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.verify.sums import block_sum

CHECKS = (
    "blocks found",
    "input = hidden_states",
    "final norm",
    "zero edit",
    "edit",
    "calls in generate",
    "nothing left behind",
)
GEMMA3N = {
    **LLAMA,
    "vocab_size_per_layer_input": VOCAB,
    "hidden_size_per_layer_input": 8,
    "laurel_rank": 8,
    "num_kv_shared_layers": 1,
    "sliding_window": 8,
    "layer_types": ["sliding_attention", "full_attention", "full_attention"],
    "activation_sparsity_pattern": [0.0, 0.0, 0.0],
}
MAMBA = {"hidden_size": D_MODEL, "num_hidden_layers": LAYERS, "state_size": 8, "vocab_size": VOCAB}
MOE = {**LLAMA, "num_local_experts": 4, "num_experts_per_tok": 2}
JAMBA = {**MOE, "num_experts": 4, "use_mamba_kernels": False, "mamba_d_state": 8, "mamba_dt_rank": 4}
JAMBA |= {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1}
OLD = {"emb_dim": D_MODEL, "n_layers": LAYERS, "n_heads": 4, "vocab_size": VOCAB}
NGRAM = {"hidden_size": D_MODEL, "num_decoder_layers": LAYERS, "num_decoder_attention_heads": 4}
NGRAM |= {"decoder_ffn_dim": 48, "vocab_size": VOCAB, "ngram": 2, "max_position_embeddings": 64}
XLNET = {"d_model": D_MODEL, "n_layer": LAYERS, "n_head": 4, "d_inner": 48, "vocab_size": VOCAB}
REFORMER = {
    "hidden_size": D_MODEL,
    "attn_layers": ["local", "lsh", "local"],
    "axial_pos_shape": (8, 8),
    "axial_pos_embds_dim": (16, 16),
    "max_position_embeddings": 64,
    "num_buckets": 2,
    "hash_seed": 0,
    "is_decoder": True,
    "vocab_size": VOCAB,
    "local_attn_chunk_length": 4,
    "lsh_attn_chunk_length": 4,
    "num_attention_heads": 4,
    "attention_head_size": 8,
    "feed_forward_size": 48,
}
OTHERS = {
    "granite": ("GraniteConfig", {**LLAMA, "residual_multiplier": 0.22}),
    "olmo2": ("Olmo2Config", LLAMA),
    "mixtral": ("MixtralConfig", MOE),
    "mamba": ("MambaConfig", MAMBA),
    "jamba": ("JambaConfig", JAMBA),
    "minimax": ("MiniMaxConfig", {**MOE, "layer_types": ["full_attention"] * LAYERS}),
    "lfm2": ("Lfm2Config", {**LLAMA, "block_ff_dim": 48, "full_attn_idxs": [0, 1, 2], "conv_L_cache": 3}),
    "roberta_pre_norm": ("RobertaPreLayerNormConfig", {**WIDTHS, "is_decoder": True}),
    "big_bird": ("BigBirdConfig", {**WIDTHS, "is_decoder": True}),
    "gemma3n": ("Gemma3nTextConfig", GEMMA3N),
    "deepseek_v4": (
        "DeepseekV4Config",
        {**LLAMA, "num_key_value_heads": 1, "n_routed_experts": 4, "num_experts_per_tok": 2}
        | {"moe_intermediate_size": 16, "qk_rope_head_dim": 4, "q_lora_rank": 16, "o_lora_rank": 16}
        | {"o_groups": 2, "index_n_heads": 2, "index_head_dim": 8, "index_topk": 4, "sliding_window": 8},
    ),
    "xlnet": ("XLNetConfig", XLNET),
    "prophetnet": ("ProphetNetConfig", NGRAM),
    "xlm": ("XLMConfig", OLD),
    "reformer": ("ReformerConfig", REFORMER),
}


def built(name):
    if name not in OTHERS:
        return build(name)
    config, settings = OTHERS[name]
    if not hasattr(transformers, config):
        pytest.skip(f"transformers {transformers.__version__} has no {config}")
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(getattr(transformers, config)(**settings)).eval()


def check(found, name):
    return next(check for check in found.checks if check.name == name)


SUM = "input + self_attn + mlp"
NORMED = "input + post_attention_layernorm(self_attn) + post_feedforward_layernorm(mlp)"


@pytest.mark.parametrize(
    ("name", "kind", "terms", "mid_stream"),
    [
        ("llama", "pre-norm", SUM, True),
        ("gpt2", "pre-norm", "input + attn + mlp", True),
        ("granite", "pre-norm", "input + 0.22*(self_attn + mlp)", True),
        ("bloom", "pre-norm", "input + self_attention.dense + mlp.dense_4h_to_h", True),
        ("gpt_neox", "parallel", "input + attention + mlp", False),
        ("falcon", "parallel", "input + self_attention + mlp", False),
        ("phi", "parallel", SUM, False),
        ("gemma2", "sandwich", NORMED, True),
        ("olmo2", "sandwich", NORMED, True),
        ("opt", "pre-norm", "input + self_attn + fc2", True),
        (
            "opt_post_norm",
            "post-norm",
            "none: the stream itself is normalised (the output is that of final_layer_norm)",
            True,
        ),
        (
            "bloom_post_norm",
            "post-norm",
            "none: the stream itself is normalised or replaced "
            "(the output is post_attention_layernorm(self_attention) + mlp.dense_4h_to_h)",
            True,
        ),
        ("mamba", "single-mixer", "input + mixer", None),
        ("roberta_pre_norm", "pre-norm", "input + attention.output.dense + output.dense", True),
        ("lfm2", "pre-norm", "input + self_attn + feed_forward", True),
        ("jamba", "pre-norm", "input + mamba + feed_forward or input + self_attn + feed_forward", True),
    ],
)
def test_the_terms_of_a_block_are_measured_and_the_map_calls_them_alike(name, kind, terms, mid_stream):
    model = built(name)
    found = verify_model(model)
    assert found.problems == ()
    assert found.ok
    assert (found.kind, found.terms, found.mid_stream) == (kind, terms, mid_stream)
    assert map_model(model).kind == kind
    assert found.stream_shape == "[batch, seq, d_model]"
    assert found.passed_as == "args[0]"
    assert found.returns in ("tensor", "tuple")
    assert tuple(check.name for check in found.checks) == CHECKS


@pytest.mark.parametrize("name", ["mixtral", "minimax"])
def test_a_mixture_of_experts_is_verified(name):
    model = built(name)
    found = verify_model(model)
    assert found.ok
    assert found.kind == map_model(model).kind == {"mixtral": "pre-norm", "minimax": "post-norm"}[name]


def test_a_map_says_what_the_writes_are_multiplied_by_and_which_modules_add_the_stream():
    granite, bloom = map_model(built("granite")), map_model(build("bloom"))
    assert (granite.multiplier, granite.adds_stream) == (0.22, ())
    assert str(granite).startswith("GraniteForCausalLM: 3 layers, d_model 32, pre-norm, writes times 0.22\n")
    assert (bloom.multiplier, bloom.adds_stream) == (1.0, ("attention", "mlp"))
    assert "pre-norm, attention and mlp add the stream themselves" in str(bloom)
    assert "writes" not in str(map_model(build("llama")))


def test_where_hidden_states_means_something_else_the_check_says_what():
    found = check(verify_model(built("mamba"), generate=False), "input = hidden_states")
    assert (found.passed, found.detail) == (None, "hidden_states[i] is the output of block i")


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("gemma3n", "[4, batch, seq, d_model]", r"the blocks carry \[4, batch, seq, d_model\]"),
        ("deepseek_v4", "[batch, seq, 4, d_model]", r"the blocks carry \[batch, seq, 4, d_model\]"),
        ("xlnet", "[seq, batch, d_model]", r"the blocks carry \[seq, batch, d_model\]"),
        ("prophetnet", "[batch, 3*seq, d_model]", r"the blocks carry \[batch, 3\*seq, d_model\]"),
        ("reformer", "[batch, seq, d_model]", "a second stream goes from block to block"),
        ("xlm", "[batch, seq, d_model]", "block 1 does not get what block 0 returned, as .*ffns.0"),
    ],
)
def test_a_stream_that_is_not_one_tensor_raises_with_the_reason(name, shape, reason):
    model = built(name)
    found = verify_model(model, generate=False)
    assert (found.addressable, found.ok, found.stream_shape) == (False, False, shape)
    with pytest.raises(UnaddressableStreamError, match=reason):
        map_model(model, verify=True)
    before = hooks_on(model)
    vector = torch.ones(map_model(model).d_model)
    for edit in (
        lambda: add_vector_to_residual_stream(model, 1, vector),
        lambda: ablate_direction_from_residual(model, vector),
    ):
        with pytest.raises(UnaddressableStreamError), add_hooks(edit()):
            model(token_ids())
    assert hooks_on(model) == before


def test_a_model_whose_stream_is_one_tensor_may_be_edited():
    stream_of(build("llama")).check_addressable()
    stream_of(built("roberta_pre_norm")).check_addressable()  # its layers have "norm" in their class names


def test_a_verified_map_carries_what_was_measured(llama):
    parts = map_model(llama, verify=True)
    assert parts.verification.ok
    assert parts.blocks is llama.model.layers
    assert map_model(llama).verification is None


def test_a_verification_prints_what_it_found(llama):
    lines = str(verify_model(llama)).splitlines()
    assert lines[0] == "LlamaForCausalLM: 3 blocks at model.layers, pre-norm"
    assert lines[2] == f"  output of a block = {SUM}; a stream between attention and MLP"
    assert lines[3] == "  blocks found           yes  each block gets what the one before returned"
    assert lines[-1] == "  addressable"
    assert "NOT addressable: the blocks carry [seq, batch" in str(
        verify_model(built("xlnet"), generate=False)
    )


def test_own_tokens_can_be_given_and_generate_left_out(llama):
    found = verify_model(llama, torch.tensor([[5, 9, 11, 40, 7]]), generate=False)
    assert found.ok
    assert (check(found, "calls in generate").passed, found.stream_shape) == (None, "[batch, seq, d_model]")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_terms_are_found_in_half_precision(llama, dtype):
    found = verify_model(llama.to(dtype))
    assert found.ok
    assert found.terms == SUM


@pytest.mark.parametrize("name", ["llama", "gpt2", "big_bird"])
def test_a_model_is_left_as_it_was(name):
    """Big Bird itself replaces its attention modules and Llama gets recorders, both at the first call."""
    model = built(name).train()
    next(model.children()).eval()
    kept = model.register_forward_hook(lambda *_: None)
    tables = [
        dict(getattr(module, table))
        for module in model.modules()
        for table in ("_forward_hooks", "_forward_pre_hooks")
    ]
    modes, config = [module.training for module in model.modules()], model.config.to_dict()
    parts, parameters = list(model.modules()), [p.clone() for p in model.parameters()]
    attributes = [set(vars(module)) for module in model.modules()]
    torch_state, python_state = torch.get_rng_state(), random.getstate()
    assert verify_model(model).ok
    assert tables == [
        dict(getattr(module, table))
        for module in model.modules()
        for table in ("_forward_hooks", "_forward_pre_hooks")
    ]
    assert list(map(id, model.modules())) == list(map(id, parts))
    assert ([module.training for module in model.modules()], model.config.to_dict()) == (modes, config)
    assert [set(vars(module)) for module in model.modules()] == attributes
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), parameters, strict=True))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert random.getstate() == python_state
    kept.remove()


def test_output_hidden_states_works_after_a_verification(llama):
    """transformers notes that its recorders are installed: with them gone the note must be gone too."""
    verify_model(llama)
    assert len(llama(token_ids(), output_hidden_states=True).hidden_states) == LAYERS + 1


def test_the_model_is_run_without_cache_dropout_or_gradients(llama):
    seen = set()

    def note(module, args, kwargs):
        seen.add((kwargs.get("use_cache"), module.training, torch.is_grad_enabled()))

    handle = llama.train().register_forward_pre_hook(note, with_kwargs=True)
    verify_model(llama, generate=False)
    handle.remove()
    assert seen == {(False, False, False)}


@pytest.mark.parametrize("draw", [lambda: torch.rand(()).item(), lambda: random.random()])
def test_a_model_that_draws_random_numbers_draws_the_same_ones_in_each_run(llama, draw):
    handle = llama.model.layers[1].mlp.register_forward_hook(lambda module, args, output: output * draw())
    found = verify_model(llama, generate=False)
    handle.remove()
    assert found.problems == ()


def tokens_of_a_verification(model):
    """Which token ids a verification runs the model on."""
    seen = []
    handle = model.get_input_embeddings().register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    assert verify_model(model, generate=False).ok
    handle.remove()
    return set(torch.cat(seen).flatten().tolist())


def test_no_special_token_of_any_part_of_the_config_is_run_unless_all_are_special(llama):
    llama.config.special_token_ids = list(range(40))
    llama.config.image_token_index = 40
    llama.config.speech = {"audio_token_id": 41, "layers": 50}
    assert tokens_of_a_verification(llama) <= set(range(42, VOCAB))
    llama.config.special_token_ids = list(range(VOCAB))
    assert tokens_of_a_verification(llama) <= set(range(VOCAB))


@pytest.mark.parametrize("sign", [1, -1])
def test_a_module_that_carries_the_stream_along_is_no_term_beside_the_input(sign):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attn, self.add, self.mlp = nn.Linear(8, 8), nn.Identity(), nn.Linear(8, 8)

        def forward(self, stream):
            middle = sign * self.add(sign * (stream + self.attn(stream)))
            return middle + self.mlp(middle)

    torch.manual_seed(0)
    block, stream = Block(), torch.randn(2, 8, 8)
    with torch.no_grad():
        assert block_sum(block, lambda: block(stream)).text == "input + attn + mlp"


# A deliberate break for each check, that must turn it red.


def red(model, name, **settings):
    found = verify_model(model, **settings)
    assert not found.ok
    broken = check(found, name)
    assert broken.passed is False
    return broken.detail


def hide(model, name, found_as):
    """The model goes on using the module list `name` of its decoder; the search finds `found_as` instead."""
    inner = model.model
    used = inner._modules.pop(name)
    vars(inner)[name] = used
    inner.add_module("found", found_as)
    return used


def test_blocks_called_in_another_order_turn_red(llama):
    hide(llama, "layers", nn.ModuleList(list(llama.model.layers)[::-1]))
    assert "they are not called one after the other but as 2, 1, 0" in red(llama, "blocks found")
    assert "the input of block 0 is not hidden_states[0]" in red(llama, "input = hidden_states")
    with pytest.raises(ValueError, match="they are not called one after the other"):
        map_model(llama, verify=True)


def test_a_block_whose_forward_is_called_directly_turns_red(llama):
    class Direct(nn.Module):
        def __init__(self, block):
            super().__init__()
            self.block = block

        def forward(self, *args, **kwargs):
            return self.block.forward(*args, **kwargs)

    inner = nn.ModuleList(list(llama.model.layers))
    llama.model.layers = nn.ModuleList([Direct(block) for block in inner])
    hide(llama, "layers", inner)
    assert find_blocks(llama) is inner
    assert "hooks on them never run" in red(llama, "blocks found", generate=False)
    with pytest.raises(UnaddressableStreamError, match="calls their forward directly"):
        map_model(llama, verify=True)


def test_a_list_that_is_a_chain_but_not_the_last_one_turns_red(llama):
    class Ending(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.steps = nn.ModuleList([nn.Sequential(nn.Linear(D_MODEL, D_MODEL)) for _ in range(2)])
            self.norm = norm

        def forward(self, stream):
            for step in self.steps:
                stream = step(stream)
            return self.norm(stream)

    llama.model.norm = Ending(llama.model.norm)
    assert "the last one of the pass is model.norm.steps" in red(llama, "blocks found", generate=False)


def test_blocks_that_hand_on_something_else_turn_red(llama):
    double = llama.model.layers[1].register_forward_pre_hook(lambda module, args: (args[0] * 2, *args[1:]))
    assert "block 1 does not get what block 0 returned" in red(llama, "blocks found", generate=False)
    double.remove()


def test_blocks_that_run_several_times_in_one_pass_have_no_stream_that_can_be_addressed(llama):
    llama.model.layers = nn.ModuleList([*llama.model.layers[:2], *llama.model.layers[:2]])
    llama.config.num_hidden_layers = 4
    found = verify_model(llama, generate=False)
    assert check(found, "blocks found").passed
    assert (found.addressable, found.reason) == (
        False,
        "each block runs 2 times in one pass, so a layer is not one place of the stream",
    )


def test_hidden_states_that_are_other_tensors_turn_red(llama):
    forward = llama.forward

    def shifted(*args, **kwargs):
        output = forward(*args, **kwargs)
        if output.hidden_states:
            output.hidden_states = tuple(state + 1 for state in output.hidden_states)
        return output

    llama.forward = shifted
    assert "the input of block 0 is not hidden_states[0]" in red(llama, "input = hidden_states")
    with pytest.raises(
        ValueError, match="the map of LlamaForCausalLM is wrong: input = hidden_states"
    ) as caught:
        map_model(llama, verify=True)
    assert not isinstance(caught.value, UnaddressableStreamError)


def test_a_norm_that_is_not_the_final_one_turns_red(llama):
    class Between(nn.Module):
        def __init__(self, norm):
            super().__init__()
            self.hidden = [norm]

        def forward(self, stream):
            return self.hidden[0](stream * 2)

    norm = llama.model.norm
    del llama.model.norm
    llama.model.last_norm, llama.model.norm = norm, Between(norm)
    assert map_model(llama).final_norm is norm
    assert "does not get the output of the last block" in red(llama, "final norm")


def test_a_norm_that_is_never_called_turns_red(llama):
    llama.model.later_norm = copy.deepcopy(llama.model.norm)
    assert "is not called after the last block" in red(llama, "final norm")


def test_a_model_that_notices_hooks_turns_the_zero_edit_red(llama):
    block = llama.model.layers[1]
    forward = block.forward

    def noticing(stream, *args, **kwargs):
        return forward(stream * (1 + len(block._forward_pre_hooks)), *args, **kwargs)

    block.forward = noticing
    assert "the logits move" in red(llama, "zero edit")


def test_an_edit_that_does_not_arrive_turns_red(llama):
    block = llama.model.layers[0]
    forward = block.forward

    def deaf(stream, *args, **kwargs):
        return forward(llama.model.embed_tokens(deaf.ids), *args, **kwargs)

    llama.register_forward_pre_hook(
        lambda module, args, kwargs: setattr(deaf, "ids", kwargs["input_ids"]), with_kwargs=True
    )
    block.forward = deaf
    assert "a vector added at block 0 does not move the logits" in red(llama, "edit", generate=False)
    llama._forward_pre_hooks.clear()
    llama._forward_pre_hooks_with_kwargs.clear()


def test_blocks_that_are_called_once_too_often_in_generate_turn_red(llama):
    generate = llama.generate

    def twice(ids, **settings):
        llama(ids)
        return generate(ids, **settings)

    llama.generate = twice
    assert red(llama, "calls in generate") == "block 0 was called 5 times, expected 4"


def test_a_generate_that_does_not_run_is_no_failure_of_the_map(llama):
    def broken(ids, **settings):
        raise RuntimeError("no cache here")

    llama.generate = broken
    found = verify_model(llama)
    assert found.ok
    assert check(found, "calls in generate").detail == "generate() does not run: RuntimeError: no cache here"


def test_a_model_that_leaves_a_hook_turns_red_and_the_hook_is_taken_off(llama):
    forward = llama.forward

    def leaving(*args, **kwargs):
        llama.model.norm.register_forward_hook(lambda *_: None)
        return forward(*args, **kwargs)

    llama.forward = leaving
    assert "_forward_hooks of model.norm" in red(llama, "nothing left behind")
    assert not llama.model.norm._forward_hooks


def test_a_model_that_changes_its_config_turns_red(llama):
    forward = llama.forward

    def changing(*args, **kwargs):
        llama.config.rms_norm_eps += 1
        return forward(*args, **kwargs)

    llama.forward = changing
    assert red(llama, "nothing left behind") == "changed: config"


def test_random_numbers_that_are_not_put_back_turn_red(llama, monkeypatch):
    monkeypatch.setattr(random, "setstate", lambda state: None)
    forward = llama.forward
    llama.forward = lambda *args, **kwargs: (random.random(), forward(*args, **kwargs))[1]
    random.seed(7)
    assert red(llama, "nothing left behind") == "changed: training modes or random numbers"


def test_layers_that_are_spread_over_lists_turn_blocks_and_edit_red():
    xlm = built("xlm")
    assert "block 1 does not get what block 0 returned" in red(xlm, "blocks found", generate=False)
    assert red(xlm, "edit", generate=False) == "an edit of block 1's input and of block 0's output differ"
    found = verify_model(xlm, generate=False)
    assert (found.kind, found.terms) == ("post-norm", "none: the output is that of out_lin")
    assert map_model(xlm).kind == "post-norm"


@pytest.mark.parametrize("size", [0.5, 0.1])
def test_a_term_smaller_than_what_rounding_hides_is_found(llama, size):
    """In bfloat16 a fixed tolerance would take this MLP for rounding."""
    with torch.no_grad():
        for block in llama.model.layers:
            block.mlp.down_proj.weight *= size
    found = verify_model(llama.to(torch.bfloat16), generate=False)
    assert found.terms == SUM
