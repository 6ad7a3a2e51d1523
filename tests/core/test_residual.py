"""Captures of the residual stream: exact in every family, small in memory, and gone without a trace."""

import gc
import threading
import weakref

import numpy as np
import pytest
import torch
import transformers
from torch import nn

from tests.tiny_families import (
    D_MODEL,
    FAMILIES,
    LAYERS,
    build,
    build_gemma3_vision,
    hooks_on,
    tables,
    token_ids,
)
from tutorial_lib import (
    add_hooks,
    cache_residual_streams,
    get_residual_stream_at_layer,
    map_model,
    read_output,
    replace_output,
)
from tutorial_lib.capture import StopForward

BOTH = [
    lambda model, layer, ids, **more: get_residual_stream_at_layer(model, layer, ids, **more),
    lambda model, layer, ids, **more: cache_residual_streams(model, ids, [layer], **more)[0][
        f"layer_{layer}"
    ],
]
both = pytest.mark.parametrize("capture", BOTH, ids=["get", "cache"])


@pytest.mark.parametrize("name", FAMILIES)
def test_captures_equal_hidden_states_bit_for_bit(name):
    model, ids = build(name), token_ids()
    expected = model(ids, output_hidden_states=True).hidden_states
    cache, _ = cache_residual_streams(model, ids)
    assert list(cache) == [f"layer_{layer}" for layer in range(LAYERS)]
    for layer in range(LAYERS):
        assert torch.equal(cache[f"layer_{layer}"], expected[layer])
        for stop_early in (True, False):
            one = get_residual_stream_at_layer(model, layer, ids, stop_early=stop_early)
            assert torch.equal(one, expected[layer])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_last_layer_is_the_stream_before_the_final_norm(name):
    model, ids = build(name), token_ids()
    parts = map_model(model)
    last = get_residual_stream_at_layer(model, LAYERS, ids)
    cache, output = cache_residual_streams(model, ids, after_last_block=True, output_hidden_states=True)
    assert torch.equal(cache[f"layer_{LAYERS}"], last)
    assert last.shape == (*ids.shape, D_MODEL)
    with torch.no_grad():
        after = parts.final_norm(last) if parts.final_norm is not None else last
        if name == "opt_post_norm":  # goes on to a projection that makes it as narrow as its embedding
            after = model.model.decoder.project_out(after)
    assert torch.equal(output.hidden_states[-1], after)
    if parts.final_norm is not None:
        assert not torch.equal(output.hidden_states[-1], last)


# Bloom and Falcon do not know this setting; OPT-350m projects the stream to another width.
@pytest.mark.parametrize(
    "name", [name for name in FAMILIES if not FAMILIES[name].tuple_output and name != "opt_post_norm"]
)
@pytest.mark.skipif(transformers.__version__ < "5", reason="transformers 4 has no tie_last_hidden_states")
def test_transformers_gives_the_same_last_layer_when_told_not_to_norm_it(name):
    model, ids = build(name), token_ids()
    model.config.tie_last_hidden_states = False
    hidden = model(ids, output_hidden_states=True).hidden_states[-1]
    assert torch.equal(hidden, get_residual_stream_at_layer(model, LAYERS, ids))


@pytest.mark.parametrize("name", [name for name in FAMILIES if FAMILIES[name].tuple_output])
def test_blocks_that_return_tuples_are_read_too(name):
    model, ids = build(name), token_ids()
    kinds = []
    with add_hooks(
        [], [(map_model(model).blocks[-1], lambda module, args, output: kinds.append(type(output)))]
    ):
        assert get_residual_stream_at_layer(model, LAYERS, ids, stop_early=False).ndim == 3
    assert kinds == [tuple]


def test_a_vision_language_model_is_read_on_text():
    model, ids = build_gemma3_vision(), token_ids()
    hidden = model(input_ids=ids, output_hidden_states=True).hidden_states
    assert torch.equal(get_residual_stream_at_layer(model, 1, ids), hidden[1])


def test_the_output_is_the_models_own(llama, ids):
    _, output = cache_residual_streams(llama, ids)
    assert torch.equal(output.logits, llama(ids).logits)
    assert output.past_key_values is not None


def test_layers_come_in_their_order_and_once(llama, ids):
    cache, _ = cache_residual_streams(llama, ids, [3, 0, 2, 2])
    assert list(cache) == ["layer_0", "layer_2", "layer_3"]
    cache, _ = cache_residual_streams(llama, ids, iter([1]), after_last_block=True)
    assert list(cache) == ["layer_1", "layer_3"]
    assert cache_residual_streams(llama, ids, [])[0] == {}
    assert list(cache_residual_streams(llama, ids, np.arange(2))[0]) == ["layer_0", "layer_1"]


@pytest.mark.parametrize("layer", range(LAYERS + 1))
def test_the_forward_pass_stops_at_the_layer(llama, ids, layer):
    ran = []
    blocks = map_model(llama).blocks
    counting = [(block, lambda module, args, output, i=i: ran.append(i)) for i, block in enumerate(blocks)]
    handles = [block.register_forward_hook(hook) for block, hook in counting]
    get_residual_stream_at_layer(llama, layer, ids)
    assert ran == list(range(layer))
    get_residual_stream_at_layer(llama, layer, ids, stop_early=False)
    assert ran == [*range(layer), *range(LAYERS)]
    for handle in handles:
        handle.remove()


def test_stopping_early_leaves_nothing_behind(llama, ids, monkeypatch):
    """Neither hooks, nor the exception with its frames and tensors, nor a changed grad mode or model."""
    created = []

    class Tracked(StopForward):
        def __init__(self, owner):
            super().__init__(owner)
            created.append(weakref.ref(self))

    monkeypatch.setattr("tutorial_lib.capture.StopForward", Tracked)
    before = llama(ids).logits
    gc.collect()
    gc.disable()
    try:
        get_residual_stream_at_layer(llama, 1, ids)
        assert [ref() for ref in created] == [None]
    finally:
        gc.enable()
    assert hooks_on(llama) == []
    assert torch.is_grad_enabled()
    assert torch.equal(llama(ids).logits, before)


def test_a_capture_inside_another_forward_pass_stops_only_itself(llama, ids):
    inner = []

    def look(module, args):
        if not inner:
            inner.append(None)  # the inner pass comes by here too
            inner[0] = get_residual_stream_at_layer(llama, 0, ids)

    with add_hooks([(llama.model.layers[1], look)]):
        outer = get_residual_stream_at_layer(llama, 2, ids)
    cache, _ = cache_residual_streams(llama, ids)
    assert torch.equal(inner[0], cache["layer_0"])
    assert torch.equal(outer, cache["layer_2"])


@both
@pytest.mark.parametrize("layer", [1, 2, LAYERS])
def test_a_capture_inside_another_keeps_what_its_own_run_has(llama, ids, capture, layer):
    """Both hook the same block, and the inner run has other inputs."""
    inner = []

    def look(module, args):
        if not inner:
            inner.append(None)  # the inner pass comes by here too
            inner[0] = capture(llama, layer, ids.flip(1))

    expected = [capture(llama, layer, each) for each in (ids.flip(1), ids)]
    with add_hooks([(llama.model.layers[0], look)]):
        outer = capture(llama, layer, ids)
    assert torch.equal(inner[0], expected[0])
    assert torch.equal(outer, expected[1])


@both
def test_a_capture_keeps_and_stops_nothing_of_another_thread(llama, ids, capture):
    expected = capture(llama, 1, ids)
    others = []

    def run_elsewhere(module, args):
        if not others:
            others.append(None)  # the run of the other thread comes by here too
            thread = threading.Thread(target=lambda: others.append(llama(ids.flip(1)).logits))
            thread.start()
            thread.join()

    with add_hooks([(llama.model.layers[0], run_elsewhere)]):
        assert torch.equal(capture(llama, 1, ids), expected)
    assert torch.equal(others[1], llama(ids.flip(1)).logits)


def test_the_stop_of_another_call_is_not_swallowed(llama, ids):
    stranger = StopForward(object())

    def interrupt(module, args):
        raise stranger

    with pytest.raises(StopForward) as caught, add_hooks([(llama.model.layers[0], interrupt)]):
        get_residual_stream_at_layer(llama, 2, ids)
    assert caught.value is stranger


def test_a_model_that_catches_exceptions_is_stopped_all_the_same(llama, ids):
    class Careful(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = llama

        def forward(self, **kwargs):
            try:
                return self.inner(**kwargs)
            except Exception:
                pytest.fail("the model caught what stops it")

    assert get_residual_stream_at_layer(Careful(), 1, ids).shape == (2, 7, D_MODEL)


@both
def test_an_error_in_the_forward_pass_is_raised_and_leaves_no_hook(llama, capture):
    with pytest.raises(IndexError):
        capture(llama, 2, torch.full((1, 3), 10_000))
    assert hooks_on(llama) == []


def plus_one(module, args):
    return (args[0] + 1, *args[1:])


def output_plus_one(module, args, output):
    return replace_output(output, read_output(output) + 1)


@both
def test_a_capture_is_taken_after_the_edits_of_the_same_block_or_before_them(llama, ids, capture):
    clean = capture(llama, 1, ids)
    with add_hooks([(llama.model.layers[1], plus_one)]):
        llama(ids)
        assert torch.equal(capture(llama, 1, ids), clean + 1)
        assert torch.equal(capture(llama, 1, ids, edits="after"), clean + 1)
        assert torch.equal(capture(llama, 1, ids, edits="before"), clean)
    assert torch.equal(capture(llama, 1, ids), clean)


@both
def test_the_last_layer_is_captured_after_or_before_the_forward_hooks_of_the_last_block(llama, ids, capture):
    clean = capture(llama, LAYERS, ids)
    with add_hooks([], [(llama.model.layers[-1], output_plus_one)]):
        llama(ids)
        assert torch.equal(capture(llama, LAYERS, ids), clean + 1)
        assert torch.equal(capture(llama, LAYERS, ids, edits="before"), clean)


@both
@pytest.mark.parametrize("edits", ["after", "before"])
def test_edits_at_earlier_blocks_are_in_a_capture_either_way(llama, ids, capture, edits):
    clean = capture(llama, 2, ids)
    with add_hooks([(llama.model.layers[1], plus_one)]):
        edited = capture(llama, 2, ids, edits=edits)
    assert not torch.equal(edited, clean)
    with add_hooks([], [(llama.model.layers[1], output_plus_one)]):
        assert torch.equal(capture(llama, 2, ids, edits=edits), clean + 1)


@both
@pytest.mark.parametrize("edits", ["after", "before"])
def test_an_edit_put_on_while_the_call_runs_comes_after_the_capture(llama, ids, capture, edits):
    clean = capture(llama, 1, ids)
    seen = []

    def put_on_edit(module, args):
        handle = llama.model.layers[1].register_forward_pre_hook(plus_one)
        watch = llama.model.layers[1].register_forward_pre_hook(lambda module, args: seen.append(args[0]))
        seen.append((handle, watch))

    with add_hooks([(llama.model.layers[0], put_on_edit)]):
        captured = capture(
            llama, 1, ids, edits=edits, **({"stop_early": False} if capture is BOTH[0] else {})
        )
    for handle in seen[0]:
        handle.remove()
    assert torch.equal(captured, clean)
    assert torch.equal(seen[1], clean + 1)


@both
def test_unknown_edits_are_named_before_any_hook_is_on(llama, ids, capture, monkeypatch):
    monkeypatch.setattr(
        "tutorial_lib.capture.registered", lambda *args, **kwargs: pytest.fail("hooks went on")
    )
    with pytest.raises(ValueError, match=r'"after" or "before", got \'inside\''):
        capture(llama, 1, ids, edits="inside")


# Which edits of the stream between block 0 and block 1 show in hidden_states[1], of which transformers says
# that it is this stream. transformers 5 records what block 0 returned in a forward hook, which it puts on at
# the first such call and leaves there. In transformers 4 GPT-2 collects what stands in its loop between two
# blocks, and Llama's blocks are wrapped inside of their hooks. "first" is before the first such call.
SHOWS = {
    # edit:                       (transformers 5, Llama of 4, GPT-2 of 4)
    "pre-hook of 1": (False, False, False),
    "pre-hook of 1, prepended": (False, False, False),
    "forward hook of 0, first": (True, False, True),
    "forward hook of 0, later": (False, False, True),
    "forward hook of 0, prepended": (True, False, True),
}


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@pytest.mark.parametrize("edit", SHOWS)
def test_where_an_edit_shows_in_hidden_states_is_known_for_each_sort(name, edit):
    model, ids = build(name), token_ids()
    clean = build(name)(ids, output_hidden_states=True).hidden_states
    blocks = map_model(model).blocks
    if "first" not in edit:
        model(ids, output_hidden_states=True)
    pre, forward = [(blocks[1], plus_one)], [(blocks[0], output_plus_one)]
    lists = (pre, []) if "pre-hook" in edit else ([], forward)
    with add_hooks(*lists, prepend="prepended" in edit), torch.no_grad():
        shown = model(ids, output_hidden_states=True).hidden_states
        capture = get_residual_stream_at_layer(model, 1, ids)
    column = 0 if transformers.__version__ >= "5" else 1 + ["llama", "gpt2"].index(name)
    assert torch.equal(shown[1], clean[1] + 1 if SHOWS[edit][column] else clean[1])
    assert torch.equal(capture, clean[1] + 1)  # a capture shows it in any case
    assert not torch.allclose(shown[2], clean[2])  # and so does what comes of it


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_pre_hook_edit_at_block_0_shows_in_hidden_states_where_they_are_recorded_by_hooks(name):
    model, ids = build(name), token_ids()
    clean = model(ids, output_hidden_states=True).hidden_states[0]
    with add_hooks([(map_model(model).blocks[0], plus_one)]), torch.no_grad():
        shown = model(ids, output_hidden_states=True).hidden_states[0]
    recorded = transformers.__version__ >= "5" or name == "llama"
    assert torch.equal(shown, clean + 1 if recorded else clean)


@both
@pytest.mark.parametrize("recorder_first", [True, False])
def test_a_capture_is_the_same_whether_transformers_recorder_is_on_or_not(
    llama, ids, capture, recorder_first
):
    if recorder_first:
        llama(ids, output_hidden_states=True)
    expected = build("llama")(ids, output_hidden_states=True).hidden_states
    for layer in range(LAYERS):
        for edits in ("after", "before"):
            assert torch.equal(capture(llama, layer, ids, edits=edits), expected[layer])


def test_a_pass_that_is_asked_for_hidden_states_too_leaves_the_model_as_it_was(llama, ids):
    """transformers 4 replaces the blocks' forward for this, and does not undo it when a pass is cut short."""
    before = tables(llama)
    expected = get_residual_stream_at_layer(llama, 1, ids)
    for asked in ({"output_hidden_states": True}, {"output_attentions": True}):
        assert torch.equal(get_residual_stream_at_layer(llama, 1, ids, **asked), expected)
    llama.config.output_hidden_states = True
    get_residual_stream_at_layer(llama, 1, ids)
    assert tables(llama) == before


@pytest.mark.parametrize("name", ["output_hidden_states", "output_attentions", "output_router_logits"])
@pytest.mark.parametrize("asked_by", ["call", "config"])
def test_a_pass_that_is_asked_for_more_outputs_runs_to_its_end(ids, name, asked_by):
    llama, ran = build("llama", attn_implementation="eager"), []
    handle = llama.model.layers[-1].register_forward_hook(lambda *call: ran.append(1))
    if asked_by == "config":
        setattr(llama.config, name, True)
    get_residual_stream_at_layer(llama, 0, ids, **({name: True} if asked_by == "call" else {}))
    handle.remove()
    assert ran == [1]


@both
@pytest.mark.parametrize("layer", [1, LAYERS])
def test_a_capture_keeps_even_the_sign_of_a_zero(llama, ids, capture, layer):
    def zero(module, args, output):
        return replace_output(output, torch.full_like(read_output(output), -0.0))

    with add_hooks([], [(llama.model.layers[layer - 1], zero)]):
        assert capture(llama, layer, ids).signbit().all()


@both
@pytest.mark.parametrize(
    ("positions", "index"),
    [
        (2, [2]),
        (-1, [6]),
        ([0, -2], [0, 5]),
        (slice(1, 4), [1, 2, 3]),
        (torch.tensor([3, 1]), [3, 1]),
        (slice(-2, None), [5, 6]),
    ],
)
def test_positions_pick_columns_and_keep_the_dimension(llama, ids, capture, positions, index):
    for layer in (1, LAYERS):
        everything = capture(llama, layer, ids)
        assert torch.equal(capture(llama, layer, ids, positions=positions), everything[:, index])


@both
@pytest.mark.parametrize("positions", [None, -1, [0, 2], slice(2, 4)])
@pytest.mark.parametrize("layer", [0, LAYERS])
def test_a_capture_keeps_no_larger_storage_alive(llama, ids, capture, positions, layer):
    stream = capture(llama, layer, ids, positions=positions)
    assert stream.untyped_storage().nbytes() == stream.numel() * stream.element_size()


@both
def test_a_capture_is_the_callers_own(llama, ids, capture):
    embeds = llama.get_input_embeddings()(ids).detach()
    stream = capture(llama, 0, None, inputs_embeds=embeds)
    assert torch.equal(stream, embeds)
    stream.zero_()
    assert embeds.abs().max() > 0


@both
def test_captures_are_detached_unless_asked(llama, ids, capture):
    assert not capture(llama, 2, ids).requires_grad
    stream = capture(llama, 2, ids, detach=False)
    stream.sum().backward()
    assert llama.model.layers[1].mlp.up_proj.weight.grad.abs().max() > 0
    assert llama.model.layers[2].mlp.up_proj.weight.grad is None


def test_gradients_of_the_loss_reach_a_capture_on_the_way(llama, ids):
    cache, output = cache_residual_streams(llama, ids, [0], detach=False)
    assert output.logits.requires_grad
    (gradient,) = torch.autograd.grad(cache["layer_0"].sum(), llama.get_input_embeddings().weight)
    assert torch.equal(gradient[ids[0, 0]], torch.ones(D_MODEL) * (ids == ids[0, 0]).sum())


@both
def test_bfloat16_stays_bfloat16(ids, capture):
    model = build("llama").to(torch.bfloat16)
    stream = capture(model, 1, ids)
    assert stream.dtype == torch.bfloat16
    assert torch.equal(stream, model(ids, output_hidden_states=True).hidden_states[1])


@both
@pytest.mark.parametrize("name", ["llama", "gpt2", "bloom"])
def test_a_mask_and_other_arguments_reach_the_model(name, capture):
    model, ids = build(name), token_ids(2, 5)
    padded = torch.cat([torch.full((2, 2), 2), ids], dim=1)
    mask = torch.cat([torch.zeros(2, 2, dtype=torch.long), torch.ones(2, 5, dtype=torch.long)], dim=1)
    more = {} if name == "bloom" else {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)}
    alone = capture(model, 2, ids)
    with_mask = capture(model, 2, padded, attention_mask=mask, **more)[:, 2:]
    without = capture(model, 2, padded, **more)[:, 2:]
    assert torch.allclose(with_mask, alone, atol=1e-5)
    assert not torch.allclose(without, alone, atol=1e-3)


@both
def test_what_a_tokenizer_returns_is_unpacked(llama, ids, capture):
    batch = transformers.BatchEncoding({"input_ids": ids, "attention_mask": torch.ones_like(ids)})
    with pytest.raises(
        TypeError, match=r"got a BatchEncoding; unpack what the tokenizer returned: .*\*\*batch"
    ):
        capture(llama, 1, batch)
    with pytest.raises(TypeError, match=r"got a dict"):
        capture(llama, 1, dict(batch))
    unpacked = get_residual_stream_at_layer(llama, 1, **batch)
    assert torch.equal(unpacked, cache_residual_streams(llama, **batch)[0]["layer_1"])


@both
@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (torch.tensor([1, 2]), ValueError, r"shape \[batch, seq\], got \(2,\); input_ids\[None\]"),
        (torch.ones(1, 2, 3, dtype=torch.long), ValueError, r"got \(1, 2, 3\)$"),
        (torch.ones(1, 2), TypeError, "whole numbers, got torch.float32"),
        ([[1, 2]], TypeError, "got list; tokenizer"),
        ("text", TypeError, "got str; tokenizer"),
        (None, TypeError, "got NoneType"),
    ],
)
def test_wrong_input_ids_are_named(llama, capture, wrong, error, message):
    with pytest.raises(error, match=message):
        capture(llama, 1, wrong)


@both
@pytest.mark.parametrize(
    ("layer", "error"), [(-1, ValueError), (4, ValueError), (True, TypeError), (1.0, TypeError)]
)
def test_a_wrong_layer_is_named_before_any_hook_is_on(llama, ids, capture, layer, error, monkeypatch):
    monkeypatch.setattr(
        "tutorial_lib.capture.registered", lambda *args, **kwargs: pytest.fail("hooks went on")
    )
    with pytest.raises(error, match=f"{layer!r}.*0 to 3|0 to 3, got {layer!r}"):
        capture(llama, layer, ids)


def test_one_layer_in_the_place_of_several_is_named(llama, ids):
    with pytest.raises(TypeError, match=r"such as \[2\], got 2"):
        cache_residual_streams(llama, ids, 2)


@both
def test_a_wrong_position_is_named_with_the_length(llama, ids, capture):
    with pytest.raises(ValueError, match=r"position 7 is out of range: this call has 7 tokens, so -7 to 6"):
        capture(llama, 1, ids, positions=[0, 7])
    with pytest.raises(TypeError, match=r"got 1.5"):
        capture(llama, 1, ids, positions=1.5)


@both
def test_a_block_that_is_never_called_is_reported(llama, ids, capture):
    llama.model.config.num_hidden_layers = 2  # the forward pass of a Llama runs that many of its blocks
    with pytest.raises(
        RuntimeError, match=r"only 0 of 1 layers were reached: the forward pass of LlamaForCausalLM"
    ):
        capture(llama, 2, ids)
