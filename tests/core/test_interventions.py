"""Steering, ablation and edits at positions: they do what they say, and nothing else."""

import pytest
import torch

from tests.tiny_families import D_MODEL, FAMILIES, LAYERS, build, hooks_on, token_ids
from tutorial_lib import (
    UnaddressableStreamError,
    ablate_direction_from_residual,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    edit_residual_stream,
    find_blocks,
    get_residual_stream_at_layer,
    position_aware_residual_hook,
)


@pytest.fixture
def vector():
    return torch.randn(D_MODEL, generator=torch.Generator().manual_seed(2))


def stream(model, layer, ids, hooks=()):
    """What block `layer` receives while `hooks` are on."""
    with add_hooks(hooks):
        return get_residual_stream_at_layer(model, layer, ids, stop_early=False)


@pytest.mark.parametrize("name", FAMILIES)
def test_steering_adds_the_vector_in_every_family(name, vector):
    model, ids = build(name), token_ids()
    hooks = add_vector_to_residual_stream(model, 1, vector, scale=2.0)
    assert torch.equal(stream(model, 1, ids, hooks), stream(model, 1, ids) + 2 * vector)
    plain = model(ids).logits
    with add_hooks(hooks):
        assert not torch.allclose(model(ids).logits, plain, atol=1e-4)
    assert torch.equal(model(ids).logits, plain)
    assert hooks_on(model) == []


@pytest.mark.parametrize("name", FAMILIES)
def test_a_hook_that_changes_nothing_changes_no_logit(name):
    """Not even with a mask and a cache, which other arguments of the block carry."""
    model, ids = build(name), token_ids()
    mask = torch.ones_like(ids)
    mask[0, :3] = 0
    blocks = find_blocks(model)
    same = [(block, position_aware_residual_hook([[0], [0]], edit=lambda rows: rows)) for block in blocks]
    settings = {"attention_mask": mask, "max_new_tokens": 3, "do_sample": False, "pad_token_id": 2}
    settings |= {"output_scores": True, "return_dict_in_generate": True, "eos_token_id": None}
    plain = model(ids, attention_mask=mask).logits
    generated = model.generate(ids, **settings)
    with add_hooks(same):
        assert torch.equal(model(ids, attention_mask=mask).logits, plain)
        again = model.generate(ids, **settings)
    for one, other in zip(generated.scores, again.scores, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("positions", [1, -1, [0, 2], [2, 2, -5], slice(3, None), torch.tensor([4])])
def test_steering_at_positions_leaves_the_others_alone(llama, ids, vector, positions):
    hooks = add_vector_to_residual_stream(llama, 2, vector, positions)
    index = [positions] if isinstance(positions, int) else positions
    expected = stream(llama, 2, ids)
    expected[:, index] = expected[:, index] + vector
    assert torch.equal(stream(llama, 2, ids, hooks), expected)


def test_the_callers_tensors_are_neither_edited_nor_watched(llama, ids, vector):
    embeds = llama.get_input_embeddings()(ids).detach()
    kept, given, positions = embeds.clone(), vector.clone(), [1]
    rows = [[0], [1]]
    steer = add_vector_to_residual_stream(llama, 0, given, positions)
    ablate = ablate_direction_from_residual(llama, given, [0])
    amplify = [(llama.model.layers[0], position_aware_residual_hook(rows))]
    for hooks in (steer, ablate, amplify):
        with add_hooks(hooks):
            before = llama(inputs_embeds=embeds).logits
        assert torch.equal(embeds, kept)
        assert torch.equal(given, vector)
        given.mul_(7).add_(1)
        positions[0] = 3
        rows[0] = [5]
        with add_hooks(hooks):
            assert torch.equal(llama(inputs_embeds=embeds).logits, before)
        given, positions[0], rows[0] = given.copy_(vector), 1, [0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_the_stream_keeps_its_dtype_whatever_the_vectors(ids, vector, dtype):
    model = build("llama").to(torch.bfloat16)
    given = vector.to(dtype)
    every = [
        add_vector_to_residual_stream(model, 1, given),
        add_vector_to_residual_stream(model, 1, given, [0]),
        ablate_direction_from_residual(model, given),
        edit_residual_stream(model, 1, lambda stream: stream.to(dtype) * 2),
        edit_residual_stream(model, 1, lambda tokens: tokens.to(dtype) * 2, [0]),
        [
            (
                model.model.layers[1],
                position_aware_residual_hook([[0], [1]], edit=lambda rows: rows.to(dtype) * 2),
            )
        ],
    ]
    for hooks in every:
        with add_hooks(hooks):
            cache, output = cache_residual_streams(model, ids)
        assert {captured.dtype for captured in cache.values()} == {torch.bfloat16}
        assert output.logits.dtype == torch.bfloat16


def test_a_vector_of_whole_numbers_will_do(llama, ids):
    hooks = add_vector_to_residual_stream(llama, 1, torch.ones(D_MODEL, dtype=torch.long))
    assert torch.equal(stream(llama, 1, ids, hooks), stream(llama, 1, ids) + 1)


def test_a_vector_of_finite_numbers_will_do_also_if_its_norm_overflows(llama, ids):
    vector = torch.full((D_MODEL,), 2e4, dtype=torch.float16)
    assert torch.linalg.vector_norm(vector).isinf()
    hooks = add_vector_to_residual_stream(llama, 1, vector)
    assert torch.equal(stream(llama, 1, ids, hooks), stream(llama, 1, ids) + 2e4)


def test_gradients_flow_to_a_steering_vector(llama, ids, vector):
    trained = vector.clone().requires_grad_()
    for _ in range(2):
        with add_hooks(add_vector_to_residual_stream(llama, 1, trained, -1)):
            llama(ids).logits.square().mean().backward()
    assert trained.grad.abs().max() > 0


def test_ablation_leaves_no_component_and_nothing_else_changed(llama, ids, vector):
    unit = vector / vector.norm()
    before, after = (
        stream(llama, 0, ids),
        stream(llama, 0, ids, ablate_direction_from_residual(llama, 5 * vector)),
    )
    assert (before @ unit).abs().max() > 1e-2
    assert (after @ unit).abs().max() < 1e-7
    across = before - (before @ unit)[..., None] * unit
    assert torch.allclose(after, across, atol=1e-6)


def test_ablation_cleans_the_input_of_the_layers_asked_for(llama, ids, vector):
    unit = vector / vector.norm()

    def components(hooks):
        with add_hooks(hooks):
            cache, _ = cache_residual_streams(llama, ids, after_last_block=True)
        return [(captured @ unit).abs().max().item() > 1e-6 for captured in cache.values()]

    assert components([]) == [True] * 4
    assert components(ablate_direction_from_residual(llama, vector)) == [False, False, False, True]
    assert components(ablate_direction_from_residual(llama, vector, [1])) == [True, False, True, True]
    assert len(ablate_direction_from_residual(llama, vector, iter([2, 0, 2]))) == 2


def test_ablation_in_bfloat16_is_as_exact_as_bfloat16_is(ids, vector):
    model = build("llama").to(torch.bfloat16)
    with torch.no_grad():
        model.get_input_embeddings().weight.add_(30 * vector / vector.norm())  # a direction that dominates
    after = stream(model, 0, ids, ablate_direction_from_residual(model, vector)).float()
    inexact = stream(model, 0, ids)
    unit = (vector / vector.norm()).to(torch.bfloat16)
    inexact = (inexact - (inexact @ unit)[..., None] * unit).float()
    unit = vector / vector.norm()
    assert (after @ unit).abs().max() < 0.5 * (inexact @ unit).abs().max()


def test_each_row_is_amplified_at_its_own_positions(llama, ids):
    hooks = [(llama.model.layers[1], position_aware_residual_hook([[1, 3], slice(5, None)]))]
    expected = stream(llama, 1, ids)
    expected[0, [1, 3]] *= 1.5
    expected[1, 5:] *= 1.5
    assert torch.equal(stream(llama, 1, ids, hooks), expected)


def test_an_edit_of_ones_own_gets_the_positions_of_one_row(llama, ids):
    shapes = []

    def zero_in_place(rows):
        shapes.append(tuple(rows.shape))
        return rows.zero_()

    before = stream(llama, 1, ids)
    rows = [[0, -1], 2]
    hooks = [(llama.model.layers[1], position_aware_residual_hook(rows, edit=zero_in_place))]
    after = stream(llama, 1, ids, hooks)
    assert shapes == [(2, D_MODEL), (1, D_MODEL)]
    assert after[0, [0, -1]].abs().max() == after[1, 2].abs().max() == 0
    assert torch.equal(after[0, 1:-1], before[0, 1:-1])


def test_an_edit_in_place_that_returns_nothing_good_edits_nothing(llama, ids):
    embeds = llama.get_input_embeddings()(ids).detach()
    kept = embeds.clone()
    for result, found in (
        (None, "NoneType"),
        (torch.zeros(3), r"\(3,\)"),
        (torch.zeros(1, 32), r"\(1, 32\)"),
    ):
        hook = position_aware_residual_hook(
            [slice(0, 2), []], edit=lambda rows, r=result: (rows.zero_(), r)[1]
        )
        message = rf"edit must return the shape that it got, \(2, 32\), but returned {found}"
        with pytest.raises(ValueError, match=message), add_hooks([(llama.model.layers[0], hook)]):
            llama(inputs_embeds=embeds)
    assert torch.equal(embeds, kept)


def test_a_row_without_positions_stays_as_it_is(llama, ids):
    hook = position_aware_residual_hook([[], [0]], edit=lambda rows: rows / len(rows) * 2)
    after, before = stream(llama, 1, ids, [(llama.model.layers[1], hook)]), stream(llama, 1, ids)
    assert torch.equal(after[0], before[0])
    assert torch.equal(after[1, 0], before[1, 0] * 2)


def test_positions_of_a_tensor_are_taken_row_by_row(llama, ids):
    hook = position_aware_residual_hook(torch.tensor([[0, 1], [2, 3]]))
    after, before = stream(llama, 1, ids, [(llama.model.layers[1], hook)]), stream(llama, 1, ids)
    assert torch.equal(after[1, 2:4], before[1, 2:4] * 1.5)


@pytest.mark.parametrize("rows", [1, 3])
def test_another_number_of_rows_is_named(llama, ids, rows):
    hook = position_aware_residual_hook([[0]] * rows)
    message = f"positions were given for {rows} rows, but this call has 2"
    with pytest.raises(ValueError, match=message), add_hooks([(llama.model.layers[1], hook)]):
        llama(ids)


@pytest.mark.parametrize("wrong", [3, None, "01", {0: [1]}, [1.5], [[True]], [["1"]]])
def test_wrong_positions_by_batch_are_named_at_once(wrong):
    with pytest.raises(TypeError, match=r"positions_by_batch must be|whole number"):
        position_aware_residual_hook(wrong)


def test_hooks_work_with_and_without_kwargs_and_called_directly(llama, ids, vector):
    wanted = stream(llama, 1, ids) + vector
    ((block, hook),) = add_vector_to_residual_stream(llama, 1, vector)
    with add_hooks([(block, hook)], with_kwargs=True):
        assert torch.equal(get_residual_stream_at_layer(llama, 1, ids), wanted)
    hidden = torch.zeros(1, 2, D_MODEL)
    assert torch.equal(hook(block, (hidden, 1))[0], vector.expand(1, 2, D_MODEL))
    assert hook(block, (hidden, 1))[1] == 1
    assert torch.equal(hook(block, hidden), vector.expand(1, 2, D_MODEL))


def test_steering_attention_needs_kwargs_and_the_error_says_so(llama, ids, vector):
    ((_, hook),) = add_vector_to_residual_stream(llama, 1, vector)
    attention = llama.model.layers[1].self_attn
    with pytest.raises(ValueError, match=r"with_kwargs=True"), add_hooks([(attention, hook)]):
        llama(ids)
    plain = llama(ids).logits
    with add_hooks([(attention, hook)], with_kwargs=True):
        assert not torch.equal(llama(ids).logits, plain)


@pytest.mark.parametrize("settings", [{"use_cache": True}, {"use_cache": False}, {"num_beams": 2}])
def test_generate_is_steered_from_the_first_new_token_on(llama, ids, vector, settings):
    more = {"max_new_tokens": 4, "do_sample": False, "eos_token_id": None, "pad_token_id": 2, **settings}
    unembedding = llama.get_output_embeddings().weight
    with torch.no_grad():
        token = unembedding[33] / unembedding[33].norm()
    plain = llama.generate(ids, **more)
    with add_hooks(add_vector_to_residual_stream(llama, LAYERS - 1, token, scale=300.0)):
        steered = llama.generate(ids, **more)
    assert (steered[:, ids.shape[1] :] == 33).all()
    assert not (plain[:, ids.shape[1] :] == 33).all()
    assert torch.equal(llama.generate(ids, **more), plain)


def test_a_position_of_the_prompt_fails_in_cached_generation_and_says_why(llama, ids, vector):
    hooks = add_vector_to_residual_stream(llama, 1, vector, 5)
    message = (
        "position 5 is out of range: this call has 1 tokens.*in cached generation a call sees only the new"
    )
    with pytest.raises(ValueError, match=message), add_hooks(hooks):
        llama.generate(ids, max_new_tokens=3, do_sample=False, eos_token_id=None, pad_token_id=2)
    with add_hooks(hooks):
        llama.generate(
            ids, max_new_tokens=3, do_sample=False, eos_token_id=None, pad_token_id=2, use_cache=False
        )


def add(model, layer=1, vector=None, **more):
    return add_vector_to_residual_stream(
        model, layer, torch.ones(D_MODEL) if vector is None else vector, **more
    )


def ablate(model, layer=1, vector=None):
    return ablate_direction_from_residual(model, torch.ones(D_MODEL) if vector is None else vector, [layer])


@pytest.mark.parametrize("edit", [add, ablate])
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ({"layer": -1}, ValueError, "layer -1 is out of range: the model has 3 blocks, use 0 to 2"),
        ({"layer": 3}, ValueError, "layer 3 is out of range"),
        ({"layer": True}, TypeError, "got True"),
        ({"layer": 1.0}, TypeError, "got 1.0"),
        ({"vector": torch.ones(31)}, ValueError, r"shape \[d_model = 32\], got \(31,\)"),
        ({"vector": torch.ones(1, 32)}, ValueError, r"got \(1, 32\)"),
        ({"vector": torch.ones(())}, ValueError, r"got \(\)"),
        ({"vector": torch.zeros(32)}, ValueError, "norm above 0, got a vector of norm 0.0"),
        ({"vector": torch.full((32,), float("nan"))}, ValueError, "must be finite, got 32 inf or nan"),
        ({"vector": torch.tensor([float("inf")] + [0.0] * 31)}, ValueError, "must be finite, got 1 inf"),
        ({"vector": [1.0] * 32}, TypeError, "must be a torch.Tensor .*, got list"),
    ],
)
def test_wrong_arguments_are_named_when_the_hook_is_made(llama, edit, wrong, error, message):
    with pytest.raises(error, match=message):
        edit(llama, **wrong)


def test_other_wrong_arguments_are_named_when_the_hook_is_made(llama):
    for scale in ("nan", "inf", "-inf"):
        with pytest.raises(ValueError, match=f"scale must be a finite number, got {scale}"):
            add(llama, scale=float(scale))
    with pytest.raises(TypeError, match=r"got 1.5"):
        add(llama, positions=1.5)
    with pytest.raises(TypeError, match=r"such as \[2\], got 2"):
        ablate_direction_from_residual(llama, torch.ones(D_MODEL), 2)


def test_a_stream_of_another_width_is_named(llama):
    ((block, hook),) = add(llama)
    with pytest.raises(ValueError, match=r"the stream of this call is 16 wide, but the vector 32"):
        hook(block, (torch.ones(1, 1, 16),))


@pytest.mark.parametrize("edit", [add, ablate])
@pytest.mark.parametrize("shape", [(4, 2, 5, D_MODEL), (5, D_MODEL)])
def test_a_stream_of_another_form_is_named(llama, edit, shape):
    ((block, hook),) = edit(llama)
    with pytest.raises(UnaddressableStreamError, match="the model carries several streams side by side"):
        hook(block, (torch.ones(shape),))


def test_a_scale_of_zero_is_a_baseline(llama, ids, vector):
    assert torch.equal(stream(llama, 1, ids, add(llama, 1, vector, scale=0.0)), stream(llama, 1, ids))


def test_positions_are_refused_on_a_stream_that_is_not_batch_seq_width():
    several_streams = torch.zeros(4, 2, 5, 8)  # Gemma 3n: [streams, batch, seq, d_model]
    hook = position_aware_residual_hook([[0], [1], [0], [1]])
    with pytest.raises(ValueError, match=r"\[batch, seq, d_model\].*\(4, 2, 5, 8\)"):
        hook(torch.nn.Identity(), (several_streams,))


def test_positions_on_gemma_3n_raise_rather_than_edit_a_row_of_the_batch():
    from transformers import AutoModelForCausalLM, Gemma3nTextConfig

    config = Gemma3nTextConfig(
        vocab_size=64,
        vocab_size_per_layer_input=64,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        hidden_size_per_layer_input=8,
        laurel_rank=4,
        num_kv_shared_layers=0,
        layer_types=["sliding_attention", "full_attention"],
        activation_sparsity_pattern=[0.0, 0.0],
    )
    model = AutoModelForCausalLM.from_config(config).eval()
    ids = torch.tensor([[1, 2, 3, 4]] * 4)
    vector = torch.ones(32)
    with (
        pytest.raises(ValueError, match="positions need a stream"),
        add_hooks(add_vector_to_residual_stream(model, 1, vector, positions=3)),
    ):
        model(ids)
    with pytest.raises(ValueError, match="positions need a stream"):
        get_residual_stream_at_layer(model, 1, ids, positions=-1)
