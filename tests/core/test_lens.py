"""The lens ends in the model's own logits, and the parts of a logit difference sum to it."""

import pytest
import torch
import transformers

from tests.tiny_families import FAMILIES, LAYERS, LLAMA, VOCAB, build, hooks_on, token_ids
from tutorial_lib import get_residual_stream_at_layer, map_model
from tutorial_lib.lens import direct_logit_attribution, logit_lens, project_to_logits

ANSWERS, OTHERS = torch.tensor([5, 9]), torch.tensor([7, 8])
# OPT-350m maps its stream to a narrower one before the unembedding.
SEEN = [name for name in FAMILIES if name != "opt_post_norm"]
# Bloom's modules add the stream to what they return; a post-norm stream is no sum.
SUMMED = [name for name in SEEN if not name.startswith("bloom")]


def from_config(name, **settings):
    config = getattr(transformers, name)(**{**LLAMA, **settings})
    torch.manual_seed(0)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def logit_gap(model, ids, position=-1):
    logits, rows = model(ids).logits[:, position], torch.arange(len(ids))
    return logits[rows, ANSWERS] - logits[rows, OTHERS]


@pytest.mark.parametrize("name", SEEN)
def test_the_last_layer_has_the_logits_of_the_model(name):
    model, ids = build(name), token_ids()
    logits = logit_lens(model, ids)
    assert logits.shape == (LAYERS + 1, 2, 7, VOCAB)
    assert torch.allclose(logits[-1], model(ids).logits, atol=1e-5)
    assert hooks_on(model) == []


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("CohereConfig", {"logit_scale": 0.25}),
        ("GraniteConfig", {"logits_scaling": 4.0}),
        ("Gemma2Config", {"final_logit_softcapping": 0.01, "query_pre_attn_scalar": 8}),
    ],
)
def test_models_that_scale_or_cap_their_logits_are_seen_through(name, settings):
    model, ids = from_config(name, **settings), token_ids()
    assert torch.allclose(logit_lens(model, ids)[-1], model(ids).logits, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["llama", "gemma2", "gpt2"])
def test_each_layer_is_its_stream_through_the_end_of_the_model(name):
    model, ids = build(name), token_ids()
    logits = logit_lens(model, ids, positions=[1, -1])
    for layer in range(LAYERS + 1):
        stream = get_residual_stream_at_layer(model, layer, ids, positions=[1, -1])
        assert torch.equal(logits[layer], project_to_logits(model, stream))


def test_the_lens_takes_a_mask_as_the_model_does(llama):
    ids, mask = token_ids(), torch.ones_like(token_ids())
    mask[0, :3] = 0
    own = llama(ids, attention_mask=mask).logits
    assert torch.allclose(logit_lens(llama, ids, attention_mask=mask)[-1], own, atol=1e-5)


def test_gradients_flow_through_the_projection(llama):
    stream = torch.randn(1, 3, 32, requires_grad=True)
    project_to_logits(llama, stream).sum().backward()
    assert stream.grad is not None
    assert stream.grad.abs().sum() > 0


def test_a_model_that_makes_its_logits_otherwise_is_refused(llama):
    with torch.no_grad():
        plain = llama.forward

        def shifted(*args, **kwargs):
            output = plain(*args, **kwargs)
            output.logits = output.logits * 2
            return output

        llama.forward = shifted
        with pytest.raises(ValueError, match="logits of LlamaForCausalLM"):
            logit_lens(llama, token_ids())


def test_a_model_without_a_head_and_a_stream_of_a_wrong_width_are_refused(llama):
    for call in (
        lambda: logit_lens(llama.model, token_ids()),
        lambda: project_to_logits(llama.model, torch.zeros(1, 32)),
    ):
        with pytest.raises(ValueError, match="no language-model head"):
            call()
    with pytest.raises(ValueError, match=r"\[\.\.\., 32\].*\(2, 31\)"):
        project_to_logits(llama, torch.zeros(2, 31))


@pytest.mark.parametrize("name", SUMMED)
@pytest.mark.parametrize("position", [-1, 2])
def test_the_parts_sum_to_the_logit_difference(name, position):
    settings = {"final_logit_softcapping": None} if name == "gemma2" else {}
    model, ids = build(name, **settings), token_ids()
    parts = direct_logit_attribution(model, ids, ANSWERS, OTHERS, position=position)
    names = [f"{part}_{layer}" for layer in range(LAYERS) for part in ("attention", "mlp")]
    assert [part for part in parts if part != "bias"] == ["embedding", *names]
    assert torch.allclose(sum(parts.values()), logit_gap(model, ids, position), atol=1e-5)
    assert hooks_on(model) == []


@pytest.mark.parametrize(
    ("name", "settings"),
    [("CohereConfig", {"logit_scale": 0.25}), ("GraniteConfig", {"logits_scaling": 4.0})],
)
@pytest.mark.parametrize("bias", [False, True])
def test_the_parts_of_scaled_logits_sum_to_them(name, settings, bias):
    model, ids = from_config(name, **settings), token_ids()
    if bias:
        model.lm_head.bias = torch.nn.Parameter(torch.linspace(-1, 1, VOCAB))
    parts = direct_logit_attribution(model, ids, ANSWERS, OTHERS)
    assert torch.allclose(sum(parts.values()), logit_gap(model, ids), atol=1e-6)


def test_a_part_s_share_is_what_the_frozen_norm_lets_through(llama):
    """Recomputed by hand for one MLP of an RMSNorm model."""
    ids, seen = token_ids(), {}
    handle = map_model(llama).mlp(1).register_forward_hook(lambda m, a, out: seen.update(mlp=out[:, -1]))
    last = get_residual_stream_at_layer(llama, LAYERS, ids, positions=-1)[:, 0]
    handle.remove()
    norm, head = llama.model.norm, llama.lm_head.weight
    scale = (last.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon).rsqrt()
    by_hand = (seen["mlp"] * scale * norm.weight * (head[ANSWERS] - head[OTHERS])).sum(-1)
    parts = direct_logit_attribution(llama, ids, ANSWERS, OTHERS)
    assert torch.allclose(parts["mlp_1"], by_hand, atol=1e-6)


def test_swapping_the_words_changes_every_sign(llama):
    one = direct_logit_attribution(llama, token_ids(), ANSWERS, OTHERS)
    other = direct_logit_attribution(llama, token_ids(), OTHERS, ANSWERS)
    assert all(torch.allclose(one[name], -other[name], atol=1e-6) for name in one)


def test_a_half_precision_model_is_attributed_in_float32(llama):
    half = llama.to(torch.bfloat16)
    parts = direct_logit_attribution(half, token_ids(), ANSWERS, OTHERS)
    assert all(part.dtype == torch.float32 for part in parts.values())
    assert torch.allclose(sum(parts.values()), logit_gap(half, token_ids()).float(), atol=2e-2)


@pytest.mark.parametrize(
    ("name", "message"), [("bloom", "do.*not know|does something"), ("bloom_post_norm", "post-norm")]
)
def test_a_model_whose_stream_is_not_the_sum_of_its_parts_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        direct_logit_attribution(build(name), token_ids(), ANSWERS, OTHERS)


def test_residual_multipliers_are_noticed_and_not_ignored():
    model = from_config("GraniteConfig", residual_multiplier=0.5)
    with pytest.raises(ValueError, match="what the parts of GraniteForCausalLM write"):
        direct_logit_attribution(model, token_ids(), ANSWERS, OTHERS)


def test_answers_that_do_not_fit_the_batch_are_refused(llama):
    with pytest.raises(ValueError, match=r"\(2,\) and \(1,\)"):
        direct_logit_attribution(llama, token_ids(), ANSWERS, OTHERS[:1])
    with pytest.raises(ValueError, match="1 answers for 2 rows"):
        direct_logit_attribution(llama, token_ids(), ANSWERS[:1], OTHERS[:1])
    with pytest.raises(ValueError, match="position 7 is out of range"):
        direct_logit_attribution(llama, token_ids(), ANSWERS, OTHERS, position=7)


def test_in_the_model_in_the_box_the_answer_appears_between_the_blocks(box):
    model, tokenizer = box
    inputs = tokenizer("The capital of France is", return_tensors="pt")
    paris = tokenizer("Paris", add_special_tokens=False).input_ids[0]
    right = logit_lens(model, **inputs, positions=-1)[:, 0, 0].argmax(-1) == paris
    assert not right[0]
    assert right[-1]
