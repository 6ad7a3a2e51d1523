"""Captures and edits under the ways in which a model can be run: each works, or says why it does not."""

import copy
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import transformers
from torch import nn

from tests.tiny_families import D_MODEL, LAYERS, build, token_ids
from tutorial_lib import (
    UnexpectedCallsError,
    UnfiredHookWarning,
    activation_patching,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    direct_logit_attribution,
    find_blocks,
    get_residual_stream_at_layer,
    leftover_hooks,
    logit_lens,
)
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.compiled import uncompiled

LAYER = 1
STEP = torch.linspace(-1, 1, D_MODEL)


@pytest.fixture
def model(device):
    """A tiny Llama; a test that leaves a hook behind fails, unless it is one that a library wants there."""
    llama = build("llama").to(device)
    yield llama
    assert {hook.owner for hook in leftover_hooks(llama)} <= {"transformers", "torch"}


@pytest.fixture
def ids(device):
    return token_ids().to(device)


@pytest.fixture(autouse=True)
def fresh_compiler():
    """What was traced for one test must not serve another."""
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def steered(model, layer=LAYER):
    return add_vector_to_residual_stream(model, layer, STEP)


@torch.no_grad()
def logits(model, ids, **more):
    return model(input_ids=ids, **more).logits


@torch.no_grad()
def logits_under_edit(model, ids):
    with add_hooks(steered(model), expected_calls=1):
        return model(input_ids=ids).logits


# torch.compile: tracing and guards are those of every backend, so the one that generates no code will do


def compiled_by(way, model):
    """The model to call, compiled in one of the three ways."""
    if way == "torch.compile(model)":
        return torch.compile(model, backend="eager")
    for module in [model] if way == "model.compile()" else find_blocks(model):
        module.compile(backend="eager")
    return model


@pytest.mark.parametrize("way", ["torch.compile(model)", "model.compile()", "each block.compile()"])
def test_captures_and_analyses_of_a_compiled_model_do_not_depend_on_what_was_traced(device, ids, way):
    plain, model = (build("llama", num_hidden_layers=1).to(device) for _ in range(2))
    ids = ids[:, :3]
    expected, _ = cache_residual_streams(plain, ids, after_last_block=True)
    fast = compiled_by(way, model)
    compiled_logits = logits(fast, ids)  # traced, without hooks
    cache, _ = cache_residual_streams(fast, ids, after_last_block=True)
    for layer in (0, 1):
        assert torch.equal(cache[f"layer_{layer}"], expected[f"layer_{layer}"])
        assert torch.equal(get_residual_stream_at_layer(fast, layer, ids), expected[f"layer_{layer}"])
    analyses = [
        lambda each: logit_lens(each, ids),
        lambda each: activation_patching(each, ids, ids.flip(0), lambda out: out[0, -1, 7]),
        lambda each: torch.stack(list(direct_logit_attribution(each, ids, ids[:, 0], ids[:, 1]).values())),
    ]
    for analyse in analyses:
        assert torch.allclose(analyse(fast), analyse(plain), atol=1e-5)
    assert torch.equal(logits(fast, ids), compiled_logits)
    assert torch.allclose(compiled_logits, logits(plain, ids), atol=1e-5)


@pytest.mark.parametrize(
    ("part", "counts"),
    [
        ("", True),
        ("model", True),
        ("model.layers.1", True),
        ("model.layers.1.mlp", False),
        ("lm_head", False),
    ],
)
def test_a_capture_runs_uncompiled_if_what_leads_to_a_block_is_compiled(part, counts):
    model = build("llama")
    model.get_submodule(part).compile(backend="eager")
    assert isinstance(uncompiled(stream_of(model)), nullcontext) is not counts


@pytest.fixture
def net(device):
    """Two layers that compile in a moment, and an input."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).to(device), torch.ones(2, 4, device=device)


def double(module, args):
    return (args[0] * 2,)


def output_under_edit(net, x):
    with add_hooks([(net[1], double)]):
        return net(x)


def test_a_hook_that_is_on_before_the_first_compiled_call_edits_and_then_is_gone(net):
    plain, x = net
    expected, edited = plain(x), output_under_edit(*net)
    fast = torch.compile(plain, backend="eager")
    with add_hooks([(plain[1], double)]):
        assert torch.equal(fast(x), edited)
    assert torch.equal(fast(x), expected)


def test_a_hook_that_comes_after_the_first_compiled_call_is_not_silent(net):
    plain, x = net
    fast = torch.compile(plain, backend="eager")
    expected = fast(x)
    reason = r"torch.compile before the hook was on \(torch._dynamo.reset"
    with pytest.warns(UnfiredHookWarning, match=reason), add_hooks([(plain[1], double)]):
        assert torch.equal(fast(x), expected)
    with (
        pytest.raises(UnexpectedCallsError, match=r"double on Linear: 0 calls, expected 1"),
        add_hooks([(plain[1], double)], expected_calls=1),
    ):
        fast(x)


@pytest.mark.parametrize("remedy", ["reset", "hook guards", "force_eager"])
def test_the_remedies_for_a_hook_that_comes_later_help(net, remedy):
    plain, x = net
    edited = output_under_edit(*net)
    with (
        torch._dynamo.config.patch(skip_nnmodule_hook_guards=remedy != "hook guards"),
        torch.compiler.set_stance("default"),
    ):
        fast = torch.compile(plain, backend="eager")
        fast(x)
        if remedy == "reset":
            torch._dynamo.reset()
        if remedy == "force_eager":
            torch.compiler.set_stance("force_eager")
        with add_hooks([(plain[1], double)]):
            assert torch.equal(fast(x), edited)


def test_counting_does_not_have_a_compiled_model_traced_anew_in_each_call(net):
    plain, x = net
    traced = []

    def backend(graph, inputs):
        traced.append(graph)
        return graph.forward

    fast = torch.compile(plain, backend=backend)
    with add_hooks([(plain[1], double)]) as calls:
        counts = []
        for _ in range(6):
            fast(x)
            counts.append(len(traced))
    assert counts[2:] == [counts[2]] * 4
    assert counts[0] >= 1
    assert calls.counts == [None]


def test_a_hook_inside_a_graph_is_known_to_have_run_but_not_how_often(net):
    plain, x = net
    fast = torch.compile(plain, backend="eager")
    with add_hooks([(plain[1], double)]) as calls:
        fast(x)
    assert calls.counts == [None]
    assert str(calls).endswith("ran in a compiled graph, not counted")
    with (
        pytest.raises(UnexpectedCallsError, match=r"in a compiled graph, not counted, expected 1 call"),
        add_hooks([(plain[1], double)], expected_calls=1),
    ):
        fast(x)


# Gradient checkpointing


def with_checkpoints(model, use_reentrant):
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": use_reentrant})
    return model.train()


def gradient_of_query(model, ids):
    block = find_blocks(model)[LAYER]
    model.zero_grad()
    model(input_ids=ids, labels=ids).loss.backward()
    return block.self_attn.q_proj.weight.grad.clone()


@pytest.mark.parametrize("where", ["block", "inner"])
def test_gradients_through_an_edit_are_right_under_checkpointing(model, ids, where):
    block = find_blocks(model)[LAYER]
    module = block if where == "block" else block.self_attn.q_proj

    def stretch(module, args):
        return (args[0] * 1.5, *args[1:])

    model.train()
    plain = gradient_of_query(model, ids)
    with add_hooks([(module, stretch)]) as once:
        expected = gradient_of_query(model, ids)
    with_checkpoints(model, use_reentrant=False)
    with add_hooks([(module, stretch)]) as calls:
        found = gradient_of_query(model, ids)  # the backward pass is inside: it runs the inner hook again
    assert torch.allclose(found, expected, atol=1e-6)
    assert not torch.allclose(found, plain, atol=1e-4)
    assert once.counts == [1]
    assert calls.counts[0] in ((2,) if where == "inner" else (1, 2))  # transformers 4 checkpoints hooks too


@pytest.mark.parametrize("layer", [LAYER, LAYERS])
def test_captures_with_gradients_are_right_under_checkpointing(model, ids, layer):
    def gradient(each):
        each.zero_grad()
        stream = get_residual_stream_at_layer(each, layer, ids, detach=False)
        stream.square().sum().backward()
        return stream.detach(), find_blocks(each)[0].mlp.up_proj.weight.grad.clone()

    model.train()
    expected = gradient(model)
    with_checkpoints(model, use_reentrant=False)
    for found, wanted in zip(gradient(model), expected, strict=True):
        assert torch.allclose(found, wanted, atol=1e-6)
    assert torch.allclose(get_residual_stream_at_layer(model, layer, ids), expected[0], atol=1e-6)


def test_a_capture_that_gets_no_gradients_from_reentrant_checkpointing_says_so(model, ids):
    expected = get_residual_stream_at_layer(model, LAYER, ids)
    with_checkpoints(model, use_reentrant=True)
    model.enable_input_require_grads()
    try:
        found = get_residual_stream_at_layer(model, LAYER, ids, detach=False)
    except RuntimeError as error:  # transformers 4 runs a block's hooks inside of the checkpoint
        assert "detach=False has none to give" in str(error)  # noqa: PT017
        assert '"use_reentrant": False' in str(error)  # noqa: PT017
    else:
        found.sum().backward()
        assert find_blocks(model)[0].mlp.up_proj.weight.grad.abs().max() > 0
        assert torch.equal(found, expected)
    model.disable_input_require_grads()


# Modes and dtypes


@pytest.mark.parametrize("detach", [True, False])
def test_inference_mode_gives_the_same_stream_as_an_inference_tensor(model, ids, detach):
    expected = get_residual_stream_at_layer(model, LAYER, ids)
    with torch.inference_mode():
        stream = get_residual_stream_at_layer(model, LAYER, ids, detach=detach)
        edited = logits_under_edit(model, ids)
    assert stream.is_inference()
    assert not stream.requires_grad
    assert torch.equal(stream, expected)
    assert torch.equal(edited, logits_under_edit(model, ids))


def test_autocast_captures_what_the_block_receives_and_edits_keep_its_dtype(model, ids, device):
    seen = []
    look = [(find_blocks(model)[LAYER], lambda module, args: seen.append(args[0]))]
    plain = logits(model, ids)
    with torch.autocast(device, dtype=torch.bfloat16):
        with torch.no_grad(), add_hooks(look):
            model(ids)
        stream = get_residual_stream_at_layer(model, LAYER, ids)
        edited = logits_under_edit(model, ids)
    assert torch.equal(stream, seen[0])
    assert stream.dtype == torch.float32  # the stream of a float32 model: only products are in bfloat16
    assert torch.allclose(edited.float(), logits_under_edit(model, ids), atol=0.1)
    assert not torch.allclose(edited.float(), plain, atol=0.1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_captures_and_edits_keep_half_precision(model, ids, dtype):
    model.to(dtype)
    expected = logits(model, ids)
    cache, output = cache_residual_streams(model, ids, after_last_block=True)
    assert {stream.dtype for stream in cache.values()} == {dtype}
    assert torch.equal(output.logits, expected)
    edited = logits_under_edit(model, ids)
    assert edited.dtype == dtype
    by_hand = find_blocks(model)[LAYER].register_forward_pre_hook(
        lambda module, args: (args[0] + STEP.to(args[0]), *args[1:])
    )
    assert torch.equal(edited, logits(model, ids))
    by_hand.remove()


# Models whose weights are elsewhere


def offloaded(kind, model, folder: Path, main):
    accelerate = pytest.importorskip("accelerate")
    if kind == "cpu_offload":
        return accelerate.cpu_offload(model, execution_device=main)
    if kind == "disk_offload":
        return accelerate.disk_offload(model, str(folder), execution_device=main)
    parts = ["model.embed_tokens", "model.layers.0", "model.layers.2", "model.norm", "model.rotary_emb"]
    places = {**dict.fromkeys([*parts, "lm_head"], main), "model.layers.1": "disk"}
    return accelerate.dispatch_model(model, places, main, offload_dir=str(folder), force_hooks=True)


@pytest.mark.parametrize("kind", ["cpu_offload", "disk_offload", "dispatch_model"])
def test_offloaded_models_are_read_and_edited_as_plain_ones(device, ids, tmp_path, kind):
    plain = build("llama").to(device)
    main = 0 if device == "cuda" else "cpu"
    model = offloaded(kind, build("llama"), tmp_path, main)
    expected, _ = cache_residual_streams(plain, ids, after_last_block=True)
    cache, output = cache_residual_streams(model, ids, after_last_block=True)
    for name, stream in expected.items():
        assert torch.equal(cache[name], stream)
        assert torch.equal(get_residual_stream_at_layer(model, int(name[-1]), ids), stream)
    assert torch.equal(output.logits, logits(plain, ids))
    assert torch.equal(logits_under_edit(model, ids), logits_under_edit(plain, ids))
    assert torch.equal(logit_lens(model, ids), logit_lens(plain, ids)) if kind == "dispatch_model" else True


@pytest.mark.parametrize("kind", ["cpu_offload", "disk_offload", "dispatch_model"])
def test_a_hook_on_an_offloaded_module_runs_while_its_weights_are_away(device, ids, tmp_path, kind):
    model = offloaded(kind, build("llama"), tmp_path, 0 if device == "cuda" else "cpu")
    projection = find_blocks(model)[LAYER].self_attn.q_proj
    seen = []
    look = [(projection, lambda module, *call: seen.append(module.weight.device.type))]
    with torch.no_grad(), add_hooks(look, look):
        model(ids)
    assert seen == ["meta", "meta"]  # accelerate's hooks stand inside of PyTorch's


def test_a_pass_that_is_stopped_leaves_an_offloaded_model_usable(device, ids, tmp_path):
    model = offloaded("cpu_offload", build("llama"), tmp_path, 0 if device == "cuda" else "cpu")
    expected = logits(model, ids)

    def fail(module, args, output):
        raise RuntimeError("in the middle")

    get_residual_stream_at_layer(model, LAYER, ids)
    with pytest.raises(RuntimeError), add_hooks([], [(find_blocks(model)[LAYER].self_attn.q_proj, fail)]):
        model(ids)
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}
    assert torch.equal(logits(model, ids), expected)


# Gradients


def test_gradients_flow_through_an_edit_to_the_vector_and_to_the_embeddings(model, ids):
    vector = STEP.to(ids.device).clone().requires_grad_()
    embeds = model.get_input_embeddings()(ids).detach().requires_grad_()
    with add_hooks(add_vector_to_residual_stream(model, LAYER, vector)):
        loss = model(inputs_embeds=embeds, labels=ids).loss
    to_vector, to_embeds = torch.autograd.grad(loss, [vector, embeds])

    def loss_at(step):
        with torch.no_grad(), add_hooks(add_vector_to_residual_stream(model, LAYER, vector.detach() + step)):
            return model(inputs_embeds=embeds, labels=ids).loss.item()

    direction = torch.randn(D_MODEL, generator=torch.Generator().manual_seed(3)).to(vector)
    numeric = (loss_at(0.01 * direction) - loss_at(-0.01 * direction)) / 0.02
    assert (to_vector @ direction).item() == pytest.approx(numeric, rel=0.02, abs=1e-4)
    assert to_embeds.abs().max() > 0


def test_gradients_of_a_capture_reach_the_embeddings_through_an_edit(model, ids):
    embeds = model.get_input_embeddings()(ids).detach().requires_grad_()
    with add_hooks([(find_blocks(model)[0], lambda module, args: (3 * args[0], *args[1:]))]):
        stream = get_residual_stream_at_layer(model, 0, None, inputs_embeds=embeds, detach=False)
    (gradient,) = torch.autograd.grad(stream.sum(), embeds)
    assert torch.equal(gradient, torch.full_like(gradient, 3))


# Copies, wrappers and programs made from the model


def test_a_copy_is_read_apart_from_its_original(model, ids):
    twin = copy.deepcopy(model)
    with add_hooks(steered(model), expected_calls=1):
        assert torch.equal(logits(twin, ids), logits_of(build("llama"), ids))
        logits(model, ids)
    with pytest.warns(UnfiredHookWarning, match="another copy of the model"), add_hooks(steered(model)):
        logits(twin, ids)


def logits_of(model, ids):
    return logits(model.to(ids.device), ids)


def test_data_parallel_is_read_and_edited_through_its_wrapper(model, ids, device):
    ids_of_one = torch.device(device, 0) if device == "cuda" else None
    wrapped = nn.DataParallel(model, device_ids=[ids_of_one] if ids_of_one else None)
    expected = get_residual_stream_at_layer(model, LAYER, ids)
    assert torch.equal(get_residual_stream_at_layer(wrapped, LAYER, ids), expected)
    assert torch.equal(logits_under_edit(wrapped, ids), logits_under_edit(model, ids))


class Logits(nn.Module):
    """What can be traced and exported: ids in, one tensor out."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids):
        return self.model(input_ids=input_ids, use_cache=False).logits


@pytest.mark.parametrize("made_by", ["torch.jit.trace", "torch.export"])
def test_a_program_made_from_a_model_keeps_the_edit_it_was_made_under_and_has_no_blocks(model, ids, made_by):
    if made_by == "torch.jit.trace" and transformers.__version__ < "5":
        pytest.skip("transformers 4.57 makes its masks with vmap, which torch.jit cannot trace")
    plain, edited = logits(model, ids), logits_under_edit(model, ids)

    @torch.no_grad()
    def made():
        if made_by == "torch.export":
            return torch.export.export(Logits(model), (ids,), strict=False).module()
        return torch.jit.trace(Logits(model), (ids,), check_trace=False)

    program = made()
    with add_hooks(steered(model)):
        program_under_edit = made()
    assert torch.allclose(program_under_edit(ids), edited, atol=1e-5)
    assert torch.allclose(program(ids), plain, atol=1e-5)
    with pytest.warns(UnfiredHookWarning), add_hooks(steered(model)):
        assert torch.allclose(program(ids), plain, atol=1e-5)
    with pytest.raises((ValueError, RuntimeError), match=r"no decoder blocks|layers were reached"):
        get_residual_stream_at_layer(program, LAYER, ids)
