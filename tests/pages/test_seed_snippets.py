"""The snippets of the document that this project implements run here and do what they say."""

import re

import pytest
import torch
from transformers import AutoModelForCausalLM

from tests import ROOT
from tests.tiny_families import hooks_on
from tutorial_lib import (
    ablate_direction_from_residual,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    get_residual_stream_at_layer,
    position_aware_residual_hook,
)

TEXT = (ROOT / "tests" / "data" / "seed_snippets.md").read_text()
SNIPPETS = dict(re.findall(r"^## (.+?)\n\n```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
IMPORT = ("from utils.hf_patching_utils import add_hooks", "from tutorial_lib import add_hooks")


def run(title, **names):
    """Runs one snippet with the names it presupposes, and gives every name it has then."""
    exec(compile(SNIPPETS[title].replace(*IMPORT), title, "exec"), names)
    return names


@pytest.fixture
def names(box):
    """The names that the document presupposes."""
    model, tokenizer = box
    ids = tokenizer("the the the the the", return_tensors="pt", add_special_tokens=False).input_ids
    torch.manual_seed(0)
    vector = torch.randn(model.config.hidden_size)
    return {"model": model, "input_ids": ids, "vector": vector, "add_hooks": add_hooks}


@pytest.fixture
def model(names):
    return names["model"]


@pytest.fixture
def ids(names):
    return names["input_ids"]


def logits(model, ids, hooks=()):
    with torch.no_grad(), add_hooks(hooks):
        return model(input_ids=ids).logits


def streams(model, ids, hooks):
    with add_hooks(hooks):
        return cache_residual_streams(model, ids)[0]


def test_every_snippet_is_here_and_only_one_import_is_changed():
    assert len(SNIPPETS) == TEXT.count("```python") == 14
    assert sum(IMPORT[0] in code for code in SNIPPETS.values()) == 1


def test_step_1_a_hook_that_returns_its_input_changes_nothing(names, model, ids):
    hook = run("Step 1: Define Your Hook Function")["my_hook_function"]
    pairs = [(block, hook) for block in model.model.layers]
    assert torch.equal(logits(model, ids, pairs), logits(model, ids))
    assert hook(None, ids) is ids


def test_step_2_the_modules_are_where_it_says(model):
    found = run(
        "Step 2: Identify Target Modules",
        AutoModelForCausalLM=AutoModelForCausalLM,
        model_name=model.config._name_or_path,
    )
    n_layers = model.config.num_hidden_layers
    assert found["residual_modules"] is found["model"].model.layers
    assert len(found["attention_modules"]) == len(found["mlp_modules"]) == n_layers


def test_step_3_the_context_manager_of_this_library_takes_the_place_of_the_old_one(names, model, ids):
    calls = []
    names |= {
        "target_modules": model.model.layers,
        "my_hook_function": lambda module, input: calls.append(module),
    }
    names["input_ids"] = ids
    output = run("Step 3: Register Hooks Using Context Manager", **names)["output"]
    assert calls == list(model.model.layers)
    assert torch.equal(output.logits, logits(model, ids))


def test_method_1_prints_the_shape_and_norm_at_every_layer(names, model, ids, capsys):
    run("Method 1: Hook All Residual Streams", **names)
    printed = capsys.readouterr().out
    assert printed.count(f"Residual stream shape: torch.Size([1, {ids.shape[1]}, ") == len(model.model.layers)
    first = get_residual_stream_at_layer(model, 0, ids).norm(dim=-1).mean().item()
    assert float(re.search(r"norm: ([\d.]+)", printed)[1]) == pytest.approx(first, rel=1e-4)


def test_method_2_captures_what_this_library_captures(names, model, ids):
    theirs = run("Method 2: Hook Specific Layer's Residual Stream", **names)["get_residual_stream_at_layer"]
    for layer in range(len(model.model.layers)):
        assert torch.equal(theirs(model, layer, ids), get_residual_stream_at_layer(model, layer, ids))


def test_method_3_steers_as_this_library_steers(names, model, ids):
    theirs = run("Method 3: Modify Residual Stream", **names)["add_vector_to_residual_stream"]
    for positions in (None, -1, [0, 2], slice(1, 3)):
        plain, steered = logits(model, ids), logits(model, ids, theirs(model, 1, names["vector"], positions))
        assert not torch.allclose(steered, plain, atol=1e-3)
        ours = add_vector_to_residual_stream(model, 1, names["vector"], positions)
        assert torch.equal(steered, logits(model, ids, ours))


def test_example_1_caches_what_this_library_caches(names, model, ids):
    theirs = run("Example 1: Caching Residual Streams", **names)["cache_residual_streams"]
    for layers in (None, [2, 0]):
        (cache, output), (ours, our_output) = (
            theirs(model, ids, layers),
            cache_residual_streams(model, ids, layers),
        )
        assert cache.keys() == ours.keys()
        assert all(torch.equal(cache[key], ours[key]) for key in cache)
        assert torch.equal(output.logits, our_output.logits)


def test_example_2_leaves_no_component_at_the_input_of_any_block(names, model, ids):
    theirs = run("Example 2: Direction Ablation in Residual Stream", **names)[
        "ablate_direction_from_residual"
    ]
    direction = names["vector"] * 3
    unit = direction / direction.norm()
    assert max((stream @ unit).abs().max() for stream in streams(model, ids, []).values()) > 1e-2
    for stream in streams(model, ids, theirs(model, direction)).values():
        assert (stream @ unit).abs().max() < 1e-4
    ours = ablate_direction_from_residual(model, direction)
    assert torch.allclose(logits(model, ids, theirs(model, direction)), logits(model, ids, ours), atol=1e-3)


def test_example_3_multiplies_the_positions_of_each_row_by_one_and_a_half(names, model, ids):
    theirs = run("Example 3: Position-Specific Interventions", **names)["position_aware_residual_hook"]
    batch, rows, block = ids.repeat(2, 1), [[1, 3], [0]], model.model.layers[1]
    expected = cache_residual_streams(model, batch)[0]["layer_1"]
    expected[0, [1, 3]] *= 1.5
    expected[1, 0] *= 1.5
    for hook in (theirs(rows), position_aware_residual_hook(rows)):
        assert torch.equal(streams(model, batch, [(block, hook)])["layer_1"], expected)


def test_best_practice_1_registering_by_hand_leaves_hooks_and_the_context_manager_none(names, model):
    calls = []
    block = model.model.layers[0]
    before = hooks_on(model)
    run("1. Always Use Context Managers", hooks=[(block, lambda module, input: calls.append(1))], **names)
    left = [entry for entry in hooks_on(model) if entry not in before]
    assert len(left) == 1
    assert len(calls) == 2
    for key in [key for key, hook in block._forward_pre_hooks.items() if hook is left[0][1]]:
        del block._forward_pre_hooks[key]


def test_best_practice_2_returns_in_the_form_it_got(model, ids):
    marker = object()
    hook = run("2. Handle Input Formats Correctly", processed_activation=marker)["robust_hook"]
    assert hook(None, (ids, 1)) == (marker, 1)
    assert hook(None, ids) is marker


def test_best_practice_3_a_clone_keeps_the_gradient(names, model, ids):
    activation = torch.ones(2, requires_grad=True) * 2
    found = run("3. Clone Tensors When Caching", activation=activation)
    assert found["cached_activation"] is activation  # the last line of the snippet is the bad one
    assert activation.clone().requires_grad


def test_best_practice_4_names_a_hook(model):
    assert run("4. Use Descriptive Hook Names")["get_residual_stream_layer_10_hook"]() is None


def test_best_practice_5_its_second_line_edits_the_tensor_in_place():
    residual = torch.zeros(2)
    found = run("5. Be Careful with In-Place Operations", residual=residual, vector=torch.ones(2))
    assert found["residual"].tolist() == [2, 2]
    assert residual.tolist() == [0, 0]
