"""Directions: found, kept out of every write to the stream, taken out of the weights."""

import pytest
import torch
from transformers import AutoModelForCausalLM, LlavaConfig, LlavaForConditionalGeneration, MixtralConfig

from tests.tiny_families import D_MODEL, FAMILIES, LAYERS, LLAMA, build, hooks_on, token_ids
from tools.tiny_model.behaviour import continuations, encode, share
from tutorial_lib import (
    ablate_direction_from_residual,
    add_hooks,
    cache_residual_streams,
    find_blocks,
    get_residual_stream_at_layer,
    map_model,
)
from tutorial_lib.directions import ablate_direction_everywhere, difference_of_means, orthogonalize_weights
from tutorial_lib.tiny_model.skills import requests

POST_NORM = ["opt_post_norm", "bloom_post_norm"]
ABLATED = [name for name in FAMILIES if name not in POST_NORM]
SANDWICH = ["gemma2", "gemma3"]
ORTHOGONALIZED = [name for name in ABLATED if name not in [*SANDWICH, "bloom"]]


@pytest.fixture
def direction():
    return torch.randn(D_MODEL, generator=torch.Generator().manual_seed(2))


def along(stream, direction):
    """The largest share of a stream that points along a direction."""
    return ((stream @ direction).abs() / stream.norm(dim=-1) / direction.norm()).max().item()


def streams(model, hooks=((), ())):
    with add_hooks(*hooks):
        cache, output = cache_residual_streams(model, token_ids(), after_last_block=True)
    return cache, output.logits


# --- difference of means --------------------------------------------------------------------------


def test_the_difference_leads_from_the_mean_of_the_second_to_that_of_the_first():
    a, b = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[0.0, 1.0]])
    assert torch.equal(difference_of_means(a, b), torch.tensor([2.0, 2.0]))


def test_all_dimensions_but_the_last_are_averaged():
    a, b = torch.rand(3, 4, 5), torch.rand(6, 5)
    torch.testing.assert_close(difference_of_means(a, b), a.mean((0, 1)) - b.mean(0))


def test_half_precision_is_averaged_in_float32():
    a = torch.full((4096, 2), 1.0, dtype=torch.bfloat16)
    a[::2] = 1.0078125  # the next number that bfloat16 has
    b = torch.zeros(1, 2, dtype=torch.bfloat16)
    assert torch.equal(difference_of_means(a, b), torch.full((2,), 1.00390625))


@pytest.mark.parametrize(
    ("a", "b", "error", "message"),
    [
        (torch.ones(2, 3), torch.zeros(2, 4), ValueError, "d_model 3 and 4"),
        (torch.ones(3), torch.zeros(2, 3), ValueError, r"a must have the shape \[n, d_model\].*\(3,\)"),
        (torch.ones(2, 3), torch.zeros(0, 3), ValueError, r"b must have the shape.*\(0, 3\)"),
        (torch.ones(2, 3), torch.ones(4, 3), ValueError, "norm above 0"),
        (torch.full((2, 3), torch.nan), torch.ones(4, 3), ValueError, "must be finite"),
        (torch.ones(2, 3, dtype=torch.long), torch.ones(4, 3), TypeError, "a must be.*int64"),
        (torch.ones(2, 3), [[1.0, 2.0, 3.0]], TypeError, "b must be.*list"),
    ],
)
def test_what_has_no_difference_of_means_is_refused(a, b, error, message):
    with pytest.raises(error, match=message):
        difference_of_means(a, b)


# --- ablation at every write ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ABLATED)
def test_no_stream_of_any_layer_keeps_the_direction(name, direction):
    model = build(name)
    plain, logits = streams(model)
    cleaned, changed = streams(model, ablate_direction_everywhere(model, direction))
    for layer, stream in cleaned.items():
        assert along(stream, direction) < 1e-5, layer
        assert along(plain[layer], direction) > 1e-2, layer
    assert not torch.allclose(logits, changed, atol=1e-4)
    assert hooks_on(model) == []


MIDDLE = {
    "llama": "post_attention_layernorm",
    "gemma2": "pre_feedforward_layernorm",
    "gemma3": "pre_feedforward_layernorm",
    "gpt2": "ln_2",
    "bloom": "post_attention_layernorm",
    "opt": "final_layer_norm",
    "falcon_sequential": "post_attention_layernorm",
}


@pytest.mark.parametrize("name", MIDDLE)
def test_the_mlp_reads_a_stream_without_the_direction_unlike_with_block_inputs_only(name, direction):
    model = build(name)

    def in_the_middle(hooks):
        seen = []
        norms = [block.get_submodule(MIDDLE[name]) for block in find_blocks(model)]
        see = [(norm, lambda module, args: seen.append(along(args[0], direction))) for norm in norms]
        with torch.no_grad(), add_hooks([*hooks[0], *see], hooks[1]):
            model(token_ids())
        return seen

    assert max(in_the_middle(ablate_direction_everywhere(model, direction))) < 1e-5
    assert min(in_the_middle((ablate_direction_from_residual(model, direction), []))) > 1e-3


def test_the_hooks_work_with_keyword_arguments_shown(llama, direction):
    hooks = ablate_direction_everywhere(llama, direction)
    _, logits = streams(llama, hooks)
    with add_hooks(*hooks, with_kwargs=True):
        assert torch.equal(llama(token_ids()).logits, logits)


def test_what_the_last_block_writes_by_other_means_is_cleaned_at_its_end(llama, direction):
    def write_more(module, args, output):
        return output + direction

    with add_hooks([], [(find_blocks(llama)[-1], write_more)]):
        cleaned, _ = streams(llama, ablate_direction_everywhere(llama, direction))
    assert along(cleaned[f"layer_{LAYERS}"], direction) < 1e-5


def every_edit(model, direction):
    """The hooks of both ways to ablate, as the arguments of `add_hooks`."""
    return [
        (ablate_direction_from_residual(model, direction), []),
        ablate_direction_everywhere(model, direction),
    ]


def test_gradients_flow_to_the_direction_as_differences_say(llama, direction):
    llama.double()
    given, step = direction.double().requires_grad_(), torch.linspace(-1, 1, D_MODEL).double() * 1e-2
    for number in range(2):

        def loss(direction, number=number):
            with add_hooks(*every_edit(llama, direction)[number]):
                return llama(token_ids()).logits.square().mean()

        (gradient,) = torch.autograd.grad(loss(given), given)
        with torch.no_grad():
            numeric = (loss(given + step) - loss(given - step)) / 2
        assert (gradient @ step).item() == pytest.approx(numeric.item(), rel=0.005)


@pytest.mark.parametrize(("dtype", "size"), [(torch.float16, 3e4), (torch.float32, 1e38)])
def test_a_direction_whose_norm_overflows_is_ablated_as_any_other(llama, direction, dtype, size):
    large = direction.sign() * size
    for hooks, expected in zip(
        every_edit(llama, large.to(dtype)), every_edit(llama, direction.sign()), strict=True
    ):
        found, _ = streams(llama, hooks)
        wanted, _ = streams(llama, expected)
        for layer in wanted:
            assert torch.allclose(found[layer], wanted[layer], atol=1e-6), layer


def test_in_float64_no_more_is_left_than_float64_rounds(llama, direction):
    llama.double()
    for hooks in every_edit(llama, direction.double()):
        cleaned, _ = streams(llama, hooks)
        assert along(cleaned["layer_1"], direction.double()) < 1e-13


def test_bfloat16_stays_bfloat16_and_keeps_no_more_than_rounding(direction):
    model = build("llama").to(torch.bfloat16)
    cleaned, logits = streams(model, ablate_direction_everywhere(model, direction))
    assert logits.dtype == torch.bfloat16
    for stream in cleaned.values():
        assert stream.dtype == torch.bfloat16
        assert along(stream.float(), direction) < 5e-3


def test_a_direction_that_is_most_of_a_bfloat16_weight_is_removed_as_well(llama, direction):
    """The dot product is then large, and its own rounding to bfloat16 would stay in the weight."""
    with torch.no_grad():
        llama.get_input_embeddings().weight.add_(20 * direction)
    edited = orthogonalize_weights(llama.to(torch.bfloat16), direction)
    assert along(edited.get_input_embeddings().weight.float(), direction) < 2e-2


@pytest.mark.parametrize("name", POST_NORM)
def test_a_model_that_normalises_its_stream_is_refused_by_name(name, direction):
    model = build(name)
    for function in (ablate_direction_everywhere, orthogonalize_weights):
        with pytest.raises(ValueError, match=f"{type(model).__name__} is post-norm"):
            function(model, direction)


@pytest.mark.parametrize("function", [ablate_direction_everywhere, orthogonalize_weights])
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (torch.ones(D_MODEL + 1), ValueError, r"direction.*32.*33"),
        (torch.zeros(D_MODEL), ValueError, "direction must have a norm above 0"),
        (torch.full((D_MODEL,), torch.inf), ValueError, "direction must be finite"),
        ([1.0] * D_MODEL, TypeError, "direction must be a torch.Tensor"),
    ],
)
def test_what_is_no_direction_of_the_stream_is_refused(llama, function, wrong, error, message):
    with pytest.raises(error, match=message):
        function(llama, wrong)


# --- weights --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORTHOGONALIZED)
def test_the_copy_gives_the_logits_of_the_hooks_at_every_write(name, direction):
    model = build(name)
    before = {key: weight.clone() for key, weight in model.state_dict().items()}
    _, hooked = streams(model, ablate_direction_everywhere(model, direction))
    _, plain = streams(model)
    edited = orthogonalize_weights(model, direction)
    cleaned, logits = streams(edited)
    torch.testing.assert_close(logits, hooked, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(logits, plain, atol=1e-3)
    assert all(along(stream, direction) < 1e-5 for stream in cleaned.values())
    for key, weight in model.state_dict().items():
        assert torch.equal(weight, before[key]), key
    assert type(edited) is type(model)


@pytest.mark.parametrize("name", ["llama", "gpt2", "opt"])
@pytest.mark.parametrize("untie", [True, False])
def test_the_copy_is_saved_and_loaded_as_any_model(name, untie, direction, tmp_path):
    settings = {"tie_word_embeddings": True} if name == "llama" else {}
    model = build(name, **settings)
    assert map_model(model).unembedding.weight is map_model(model).embedding.weight
    edited = orthogonalize_weights(model, direction, untie=untie)
    edited.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(token_ids()).logits, edited(token_ids()).logits)
    for m in (edited, loaded):
        parts = map_model(m)
        assert (parts.unembedding.weight is parts.embedding.weight) is not untie
        assert m.config.tie_word_embeddings is not untie
    assert map_model(model).unembedding.weight is map_model(model).embedding.weight
    assert model.config.tie_word_embeddings


def test_the_copy_of_a_multimodal_model_is_untied_in_both_configs_and_stays_so_when_it_is_loaded(
    direction, tmp_path
):
    vision = {"model_type": "clip_vision_model", "hidden_size": 16, "intermediate_size": 16}
    vision |= {"num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 8, "patch_size": 4}
    text = {"model_type": "llama", **LLAMA, "tie_word_embeddings": True}
    config = LlavaConfig(text_config=text, vision_config=vision, image_token_index=60)
    config.tie_word_embeddings = True
    edited = orthogonalize_weights(LlavaForConditionalGeneration(config).eval(), direction)
    assert not edited.config.tie_word_embeddings
    assert not edited.config.text_config.tie_word_embeddings
    edited.save_pretrained(tmp_path)
    loaded = LlavaForConditionalGeneration.from_pretrained(tmp_path).eval()
    assert torch.equal(loaded(input_ids=token_ids()).logits, edited(input_ids=token_ids()).logits)


def test_an_untied_unembedding_stays_as_it_was_and_a_tied_one_does_not(direction):
    model = build("gpt2")
    was = map_model(model).unembedding.weight
    assert torch.equal(orthogonalize_weights(model, direction).lm_head.weight, was)
    tied = orthogonalize_weights(model, direction, untie=False)
    assert not torch.allclose(tied.lm_head.weight, was)
    _, hooked = streams(model, ablate_direction_everywhere(model, direction))
    assert not torch.allclose(tied(token_ids()).logits, hooked, atol=1e-3)


@pytest.mark.parametrize("name", SANDWICH)
def test_weights_before_a_norm_are_refused(name, direction):
    with pytest.raises(ValueError, match="pass a norm"):
        orthogonalize_weights(build(name), direction)


def test_a_norm_after_the_embedding_is_found_by_looking(direction):
    with pytest.raises(ValueError, match=r"BloomForCausalLM writes to its stream by other means.*layer_0"):
        orthogonalize_weights(build("bloom"), direction)


def test_an_mlp_of_experts_is_refused_by_name(direction):
    model = AutoModelForCausalLM.from_config(MixtralConfig(**LLAMA, num_local_experts=2)).eval()
    with pytest.raises(ValueError, match="MixtralForCausalLM has no last matrix"):
        orthogonalize_weights(model, direction)
    cleaned, _ = streams(model, ablate_direction_everywhere(model, direction))
    assert len(cleaned) == LAYERS + 1
    assert all(along(stream, direction) < 1e-5 for stream in cleaned.values())


def test_an_embedding_of_another_width_does_not_write_to_the_stream(llama, direction):
    llama.model.extra = torch.nn.Embedding(3, 8)
    edited = orthogonalize_weights(llama, direction)
    assert torch.equal(edited.model.extra.weight, llama.model.extra.weight)


def test_quantized_weights_are_refused(llama, direction):
    whole = torch.ones(D_MODEL, 48, dtype=torch.int8)
    llama.model.layers[0].mlp.down_proj.weight = torch.nn.Parameter(whole, requires_grad=False)
    with pytest.raises(ValueError, match="LlamaMLP of LlamaForCausalLM has no last matrix"):
        orthogonalize_weights(llama, direction)


# --- the model in the box -------------------------------------------------------------------------


def test_refusal_goes_in_both_ways_and_a_random_direction_changes_nothing(box):
    model, tokenizer = box
    harmful, harmless = (
        get_residual_stream_at_layer(
            model, 2, **encode(tokenizer, requests.prompts(50, kind, held_out=False)), positions=-1
        )
        for kind in (True, False)
    )
    refusal = difference_of_means(harmful, harmless)
    asked = requests.prompts(30, harmful=True)

    def refused(model, hooks=((), ())):
        with add_hooks(*hooks):
            answers = continuations(model, tokenizer, asked, 6)
        return share([requests.refuses(answer) for answer in answers])

    anywhere = torch.randn(refusal.shape, generator=torch.Generator().manual_seed(0))
    assert refused(model) == 1
    assert refused(model, ablate_direction_everywhere(model, refusal)) == 0
    assert refused(orthogonalize_weights(model, refusal)) == 0
    assert refused(model, ablate_direction_everywhere(model, anywhere)) == 1
    assert refused(orthogonalize_weights(model, anywhere)) == 1
