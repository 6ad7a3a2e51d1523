"""Patching copies one run's stream into another, at the places named, and the share restored is right."""

import pytest
import torch

from tests.tiny_families import D_MODEL, FAMILIES, LAYERS, build, hooks_on, token_ids
from tutorial_lib import add_hooks, cache_residual_streams, get_residual_stream_at_layer
from tutorial_lib.patching import activation_patching, logit_difference, patch_residual_stream

CLEAN, CORRUPT = token_ids(), token_ids().flip(0)
METRIC = logit_difference(torch.tensor([5, 9]), torch.tensor([7, 8]))


def differ_at(position):
    """Clean and corrupt ids that differ at one position only."""
    corrupt = CLEAN.clone()
    corrupt[:, position] = CORRUPT[:, position]
    return CLEAN, corrupt


@pytest.mark.parametrize("name", FAMILIES)
def test_a_patch_replaces_the_positions_named_and_no_others(name):
    model = build(name)
    before, _ = cache_residual_streams(model, CORRUPT)
    source = get_residual_stream_at_layer(model, 1, CLEAN)
    with add_hooks(patch_residual_stream(model, 1, source, [2, -1])):
        patched = get_residual_stream_at_layer(model, 1, CORRUPT, stop_early=False)
    expected = before["layer_1"].clone()
    expected[:, [2, 6]] = source[:, [2, 6]]
    assert torch.equal(patched, expected)
    assert hooks_on(model) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_the_whole_stream_of_the_clean_run_gives_the_clean_logits(name):
    model = build(name)
    for layer in range(LAYERS):
        source = get_residual_stream_at_layer(model, layer, CLEAN)
        with add_hooks(patch_residual_stream(model, layer, source)):
            assert torch.allclose(model(CORRUPT).logits, model(CLEAN).logits, atol=1e-5)


def test_a_source_of_one_row_is_used_for_every_row_and_in_the_dtype_of_the_stream(llama):
    source = get_residual_stream_at_layer(llama, 1, CLEAN[:1]).double()
    with add_hooks(patch_residual_stream(llama, 1, source, 3)):
        patched = get_residual_stream_at_layer(llama, 1, CORRUPT, stop_early=False)
    assert patched.dtype == torch.float32
    assert torch.equal(patched[:, 3], source[:, 3].float().expand(2, -1))


def test_neither_the_source_nor_the_model_s_own_tensor_is_edited(llama):
    source = get_residual_stream_at_layer(llama, 0, CLEAN)
    copied = source.clone()
    embeddings = llama.get_input_embeddings()(CORRUPT).detach()
    before = embeddings.clone()
    with torch.no_grad(), add_hooks(patch_residual_stream(llama, 0, source, 1)):
        llama(inputs_embeds=embeddings)
    assert torch.equal(source, copied)
    assert torch.equal(embeddings, before)


@pytest.mark.parametrize("name", FAMILIES)
def test_where_one_token_differs_its_embedding_restores_everything_and_others_nothing(name):
    clean, corrupt = differ_at(3)
    grid = activation_patching(build(name), clean, corrupt, METRIC)
    assert grid.shape == (LAYERS, clean.shape[1])
    expected = torch.zeros(clean.shape[1])
    expected[3] = 1
    assert torch.allclose(grid[0], expected, atol=1e-3)
    assert torch.allclose(grid[:, :3], torch.zeros(LAYERS, 3), atol=1e-3)  # attention is causal


def test_a_cell_is_the_share_of_the_metric_that_its_patch_restores(llama):
    clean, corrupt = differ_at(2)
    grid = activation_patching(llama, clean, corrupt, METRIC)
    source = get_residual_stream_at_layer(llama, 2, clean)
    with torch.no_grad():
        low, high = METRIC(llama(corrupt).logits).mean(), METRIC(llama(clean).logits).mean()
        with add_hooks(patch_residual_stream(llama, 2, source, 6)):
            patched = METRIC(llama(corrupt).logits).mean()
    assert torch.allclose(grid[2, 6], (patched - low) / (high - low), atol=1e-4)


def test_the_ids_swapped_give_the_other_direction(llama):
    clean, corrupt = differ_at(2)
    broken = activation_patching(llama, corrupt, clean, METRIC)
    assert torch.allclose(broken[0, 2], torch.tensor(1.0), atol=1e-4)
    assert not torch.allclose(broken, activation_patching(llama, clean, corrupt, METRIC), atol=1e-4)


def test_patching_from_the_corrupt_texts_themselves_restores_nothing(llama):
    grid = activation_patching(llama, CLEAN, CORRUPT, METRIC, source_ids=CORRUPT)
    assert torch.allclose(grid, torch.zeros_like(grid), atol=1e-4)


def test_a_padded_batch_gives_what_its_unpadded_texts_give(llama):
    clean, corrupt = differ_at(2)
    grid = activation_patching(llama, clean, corrupt, METRIC)
    padding = torch.full((2, 2), 2)
    mask = torch.cat([torch.zeros_like(padding), torch.ones_like(clean)], 1)
    padded = [torch.cat([padding, ids], 1) for ids in (clean, corrupt)]
    assert torch.allclose(
        activation_patching(llama, *padded, METRIC, attention_mask=mask)[:, 2:], grid, atol=1e-3
    )


def test_the_metric_is_the_difference_of_two_logits_in_each_row():
    logits = torch.arange(2 * 3 * 10.0).reshape(2, 3, 10) ** 2
    metric = logit_difference(torch.tensor([1, 9]), torch.tensor([4, 2]), position=1)
    assert metric(logits).tolist() == [11.0**2 - 14.0**2, 49.0**2 - 42.0**2]
    with pytest.raises(ValueError, match="answers for 2 rows, the logits 1"):
        metric(logits[:1])
    with pytest.raises(ValueError, match=r"\(2,\) and \(1,\)"):
        logit_difference(torch.tensor([1, 2]), torch.tensor([1]))


def test_runs_of_different_lengths_are_refused(llama):
    with pytest.raises(ValueError, match=r"same shape.*\(2, 7\) and \(2, 6\)"):
        activation_patching(llama, CLEAN, CORRUPT[:, 1:], METRIC)
    with pytest.raises(ValueError, match=r"source_ids.*\(2, 7\) and \(1, 7\)"):
        activation_patching(llama, CLEAN, CORRUPT, METRIC, source_ids=CORRUPT[:1])
    for ids, shape in ((CLEAN[:, :4], r"\(2, 4, 32\)"), (CLEAN[[0, 0, 1]], r"\(3, 7, 32\)")):
        source = get_residual_stream_at_layer(llama, 1, ids)
        with (
            pytest.raises(ValueError, match=rf"{shape}.*\(2, 7, 32\)"),
            add_hooks(patch_residual_stream(llama, 1, source)),
        ):
            llama(CORRUPT)


def test_no_run_of_a_grid_keeps_a_cache(llama):
    seen = []
    handle = llama.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs.get("use_cache")), with_kwargs=True
    )
    activation_patching(llama, CLEAN[:, :2], CORRUPT[:, :2], METRIC)
    handle.remove()
    assert seen == [False] * (3 + LAYERS * 2)


def test_texts_that_the_metric_does_not_tell_apart_are_refused(llama):
    with pytest.raises(ValueError, match="without a difference"):
        activation_patching(llama, CLEAN, CLEAN, METRIC)


@pytest.mark.parametrize("values", [(torch.nan, 0.0), (0.0, torch.nan), (torch.inf, 0.0), (0.0, -torch.inf)])
def test_a_metric_that_is_not_finite_is_refused(llama, values):
    given = iter(values)
    with pytest.raises(ValueError, match="without a difference that is finite"):
        activation_patching(llama, CLEAN, CORRUPT, lambda logits: torch.tensor(next(given)))


def test_a_wrong_layer_or_source_is_refused_before_any_hook_is_on(llama):
    source = torch.zeros(2, 7, D_MODEL)
    with pytest.raises(ValueError, match="layer 3 is out of range"):
        patch_residual_stream(llama, 3, source)
    with pytest.raises(ValueError, match=r"\(7, 32\)"):
        patch_residual_stream(llama, 1, source[0])
    with pytest.raises(TypeError, match=r"torch\.int64"):
        patch_residual_stream(llama, 1, CLEAN)
    with pytest.raises(TypeError, match="whole number"):
        patch_residual_stream(llama, 1, source, "last")


def test_in_the_model_in_the_box_a_capital_moves_from_the_country_to_the_last_position(box):
    model, tokenizer = box
    france, peru = (
        tokenizer(f"The capital of {c} is", return_tensors="pt").input_ids for c in ("France", "Peru")
    )
    words = [torch.tensor(tokenizer(w, add_special_tokens=False).input_ids) for w in ("Paris", "Lima")]
    grid = activation_patching(model, france, peru, logit_difference(*words))
    assert grid[0, -2] > 0.95
    assert grid[1, -2] > 0.9
    assert grid[-1, -1] > 0.9
    assert grid[-1, -2] < 0.1
    assert grid[:, :-2].abs().max() < 0.01
