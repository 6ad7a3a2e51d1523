"""A tiny random model can be made of any causal-LM type, and it is still a model of that type."""

from importlib.metadata import version

import pytest
import torch
from torch import nn

from tests.tiny_families import token_ids
from tutorial_lib.tiny_random import shrink
from tutorial_lib.tiny_random.shrink import (
    causal_lm_types,
    default_config,
    model_class,
    random_model,
    shrink_config,
    tiny_config,
    tiny_model,
)
from tutorial_lib.tiny_random.special import DEFAULTS, FINISH, SPECIAL

OLD = version("transformers").startswith("4.")
# Types of transformers 4.57 that cannot be built or run on tokens as it is installed here.
OLD_FAILURES = {
    "mllama": "its causal-LM class asks for an image",
    "phi4_multimodal": "its default config has no vision part and its model demands one",
    "qdqbert": "needs the package pytorch-quantization",
    "speech_to_text_2": "its position embedding has lost its weight",
    "transfo-xl": "its adaptive softmax fails in its own code",
    "xlstm": "its own code calls a tensor",
}
# They count calls (hrm_text), both halves of a block (longcat_flash), two stacks, or need two shared layers.
DEEPER = ("hrm_text", "longcat_flash", "xlm-prophetnet", "zamba")
FEW = ["llama", "gpt2", "bloom", "mamba", "gemma2", "falcon", "gpt_oss", "xlm"]


@pytest.mark.slow
def test_every_type_has_a_tiny_config():
    unbuilt = {}
    for model_type in causal_lm_types():
        try:
            config = tiny_config(model_type)
        except Exception as error:  # whatever a config class raises: the list at the end names it
            unbuilt[model_type] = error
            continue
        depth = getattr(config, "num_hidden_layers", None) or 4
        assert depth == 4 or model_type in DEEPER, model_type
    assert set(unbuilt) <= (set(OLD_FAILURES) if OLD else set()), unbuilt


@pytest.mark.parametrize("model_type", FEW)
def test_a_tiny_model_is_small_random_and_ready(model_type):
    model = tiny_model(model_type)
    assert isinstance(model, model_class(model_type))
    assert not model.training
    assert sum(parameter.numel() for parameter in model.parameters()) < 1_000_000
    for name, parameter in model.named_parameters():
        assert parameter.dtype == torch.float32, name
        assert bool(parameter.isfinite().all()), name
        # A constant norm or a zero bias would hide that somebody forgot it.
        assert parameter.numel() == 1 or parameter.std() > 0, name
    with torch.no_grad():
        logits = model(token_ids()).logits
    assert logits.isfinite().all()
    assert logits.std() > 0


def test_the_weights_are_the_same_for_a_seed_and_the_generator_of_the_caller_does_not_move():
    before = torch.get_rng_state()
    one, same, other = tiny_model("llama"), tiny_model("llama"), tiny_model("llama", seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    weights = [model.model.layers[3].mlp.up_proj.weight for model in (one, same, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert torch.equal(one.model.norm.weight, same.model.norm.weight)


def test_every_kind_of_layer_is_kept():
    config = default_config("gemma2")
    tiny = shrink_config(config)
    assert set(tiny.layer_types) == set(config.layer_types)
    assert len(tiny.layer_types) == tiny.num_hidden_layers == 4


def test_the_kinds_of_layers_keep_their_order_and_rare_ones_are_not_lost():
    values = ["a"] * 20 + ["b"] + ["c"] * 10
    assert shrink._per_layer("layer_types", values) == ["a", "a", "b", "c"]
    assert shrink._per_layer("layer_types", ["a", "b"]) == ["a", "b", "b", "b"]


def test_what_is_on_stays_on_and_what_is_off_stays_off():
    config = default_config("llama")
    config.attention_bias, config.tie_word_embeddings, config.hidden_act = True, True, "gelu"
    tiny = shrink_config(config)
    assert (tiny.attention_bias, tiny.tie_word_embeddings, tiny.hidden_act) == (True, True, "gelu")
    off = default_config("qwen2")
    assert shrink_config(off).use_sliding_window == off.use_sliding_window


def test_grouped_queries_stay_grouped_and_single_ones_single():
    config = default_config("llama")
    assert shrink_config(config).num_key_value_heads == 4
    config.num_key_value_heads = 8
    assert shrink_config(config).num_key_value_heads == 2


def test_shrinking_leaves_the_config_as_it_was():
    config = default_config("gemma3")
    before = config.to_dict()
    tiny = shrink_config(config)
    assert config.to_dict() == before
    assert tiny.text_config.hidden_size == 64
    assert tiny.vision_config.num_hidden_layers == 4


def test_a_field_can_be_given():
    assert shrink_config(default_config("llama"), num_hidden_layers=2).num_hidden_layers == 2


def test_a_parameter_that_the_model_leaves_unset_gets_values():
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.set = nn.Parameter(torch.ones(3, 4))
            self.unset = nn.Parameter(torch.empty(3, 4))
            self.empty = torch.empty(3)

        @classmethod
        def _from_config(cls, config, dtype):
            return cls()

    model = random_model(tiny_config("llama"), Forgetful)
    assert model.empty.isnan().all()  # what nobody sets can be told
    assert model.unset.isfinite().all()
    assert model.unset.std() > 0
    assert model.set.std() > 0
    assert torch.empty(1000).isnan().sum() < 1000  # and the mode that told is off again


def test_a_type_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="'llamma' is not a type of causal language model"):
        tiny_model("llamma")


def test_no_special_case_is_for_a_type_that_nobody_has():
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    special = {*SPECIAL, *FINISH, *DEFAULTS}
    if not OLD:  # the table serves newer types too
        assert special <= set(CONFIG_MAPPING_NAMES)
    assert "llama" not in special
