"""Models inside wrappers: found, verified, and hooks on the real blocks."""

import copy

import accelerate
import peft
import pytest
import torch
import transformers
from torch import nn

from tests.tiny_families import D_MODEL, VOCAB, build, build_gemma3_vision, token_ids
from tutorial_lib import (
    UnaddressableStreamError,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    find_blocks,
    map_model,
    verify_model,
)


def lora(model):
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    return peft.get_peft_model(model, config)


def offloaded(model):
    return accelerate.cpu_offload(model, execution_device=torch.device("cpu"))


WRAPPERS = {
    "an adapter": (lora, "base_model.model.model.layers"),
    "torch.compile": (torch.compile, "_orig_mod.model.layers"),
    "DataParallel": (nn.DataParallel, "module.model.layers"),
    "a deep copy": (copy.deepcopy, "model.layers"),
    "offload to the CPU": (offloaded, "model.layers"),
    "DataParallel around a compiled adapter": (
        lambda model: nn.DataParallel(torch.compile(lora(model))),
        "module._orig_mod.base_model.model.model.layers",
    ),
}


@pytest.mark.parametrize("name", WRAPPERS)
def test_a_wrapped_model_is_found_and_verified(name):
    wrap, path = WRAPPERS[name]
    model = build("llama")
    wrapped = wrap(model)
    parts = map_model(wrapped, verify=True)
    assert parts.blocks_path == path
    assert parts.blocks is wrapped.get_submodule(path)
    assert parts.blocks is find_blocks(wrapped)
    if name != "a deep copy":
        assert parts.blocks is model.model.layers
    assert wrapped.get_submodule(parts.final_norm_path) is parts.final_norm
    assert wrapped.get_submodule(parts.embedding_path) is parts.embedding
    assert wrapped.get_submodule(parts.unembedding_path) is parts.unembedding
    assert (parts.kind, parts.d_model) == ("pre-norm", D_MODEL)


@pytest.mark.parametrize("name", [name for name in WRAPPERS if "compile" not in name])
def test_the_hooks_are_on_the_blocks_that_run(name):
    """torch.compile is left out: what it compiled before does not see new hooks, a pitfall of its own."""
    wrapped, ids = WRAPPERS[name][0](build("llama")), token_ids()
    with torch.no_grad():
        plain = wrapped(ids).logits
        with add_hooks(add_vector_to_residual_stream(wrapped, 1, torch.ones(D_MODEL))):
            edited = wrapped(ids).logits
    assert not torch.allclose(plain, edited)
    cache, _ = cache_residual_streams(wrapped, ids)
    reference, _ = cache_residual_streams(build("llama"), ids)
    assert all(torch.equal(cache[layer], reference[layer]) for layer in reference)


def test_a_model_on_disk_is_verified(tmp_path):
    places = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu", "lm_head": "cpu"}
    places |= {"model.layers.0": "cpu", "model.layers.1": "disk", "model.layers.2": "disk"}
    model = accelerate.dispatch_model(
        build("llama"), places, main_device="cpu", offload_dir=str(tmp_path), force_hooks=True
    )
    assert map_model(model, verify=True).blocks is model.model.layers


def test_a_prompt_that_an_adapter_puts_before_the_tokens_is_noticed():
    config = peft.PromptTuningConfig(num_virtual_tokens=3, task_type="CAUSAL_LM")
    model = peft.get_peft_model(build("llama"), config)
    assert find_blocks(model) is model.base_model.model.layers
    with pytest.raises(UnaddressableStreamError, match=r"the blocks carry \[batch, seq \+ 3, d_model\]"):
        map_model(model, verify=True)


def test_a_vision_language_model_is_verified_on_text():
    found = verify_model(build_gemma3_vision())
    assert found.ok
    assert (found.blocks_path, found.kind) == ("model.language_model.layers", "sandwich")


def test_the_decoder_of_an_encoder_decoder_model_is_verified():
    config = transformers.BartConfig(
        d_model=16,
        encoder_layers=1,
        decoder_layers=2,
        decoder_attention_heads=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        vocab_size=VOCAB,
    )
    found = verify_model(transformers.BartForConditionalGeneration(config))
    assert found.ok
    assert (found.blocks_path, found.n_layers, found.kind) == ("model.decoder.layers", 2, "post-norm")


def test_a_model_without_a_head_is_verified():
    found = verify_model(build("llama").model)
    assert found.ok
    assert found.blocks_path == "layers"
