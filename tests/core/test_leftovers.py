"""leftover_hooks: what is on a model, whose it is, and taking off only what is left over."""

import copy
import functools
import gc
import types

import pytest
import torch
import transformers
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.tiny_families import build, hooks_on, tables
from tutorial_lib import LeftoverHook, add_hooks, find_blocks, get_residual_stream_at_layer, leftover_hooks

HERE = __file__


def steer(module, *call):
    return None


class Recorder:
    """A hook that is an object."""

    def __call__(self, module, args):
        return None

    def look(self, module, args):
        return None


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4)))


def owners(model):
    return [(hook.path, hook.kind, hook.name, hook.owner) for hook in leftover_hooks(model)]


def test_the_hook_of_a_capture_that_is_running_is_the_librarys(llama):
    seen = []
    with add_hooks([(llama.model.layers[0], lambda module, args: seen.extend(leftover_hooks(llama)))]):
        get_residual_stream_at_layer(llama, 1, torch.tensor([[1, 2]]))
    assert [(hook.path, hook.owner) for hook in seen][1:] == [("model.layers.1", "tutorial_lib")]
    assert leftover_hooks(llama) == []


def test_a_model_without_hooks_has_none(net, llama):
    assert leftover_hooks(net) == []
    assert leftover_hooks(llama) == []


def test_a_hook_whose_handle_exists_is_the_users(net):
    handle = net[1][0].register_forward_pre_hook(steer)
    (found,) = leftover_hooks(net)
    line = steer.__code__.co_firstlineno
    assert found == LeftoverHook("1.0", "Linear", "pre-hook", "steer", "user", f"{HERE}:{line}")
    expected = f"1.0 Linear: pre-hook steer (test_leftovers.py:{line}), the user's, its handle exists"
    assert str(found) == expected
    handle.remove()
    assert leftover_hooks(net) == []


def test_a_hook_whose_handle_is_lost_is_nobodys(net):
    net.register_forward_hook(steer)
    (found,) = leftover_hooks(net)
    assert (found.path, found.module_class, found.owner) == ("", "Sequential", "unknown")
    assert str(found).startswith("Sequential: forward hook steer")
    assert "its handle is lost" in str(found)


def test_every_kind_of_hook_is_found_in_the_order_of_the_modules(net):
    kept = [
        net[0].register_full_backward_hook(steer),
        net[0].register_forward_hook(steer, always_call=True),
        net[0].register_full_backward_pre_hook(steer),
        net[0].register_forward_pre_hook(steer, with_kwargs=True),
        net.register_forward_hook(steer),
    ]
    assert [(hook.path, hook.kind) for hook in leftover_hooks(net)] == [
        ("", "forward hook"),
        ("0", "pre-hook"),
        ("0", "forward hook"),
        ("0", "backward pre-hook"),
        ("0", "backward hook"),
    ]
    for handle in kept:
        handle.remove()


def test_hooks_of_one_module_come_in_the_order_in_which_they_run(net):
    kept = [net.register_forward_pre_hook(steer), net.register_forward_pre_hook(Recorder(), prepend=True)]
    assert [hook.name for hook in leftover_hooks(net)] == ["Recorder", "steer"]
    assert {hook.owner for hook in leftover_hooks(net)} == {"user"}
    del kept


@pytest.mark.parametrize(
    ("hook", "name", "function"),
    [
        (functools.partial(steer), "steer", steer),
        (Recorder(), "Recorder", Recorder.__call__),
        (Recorder().look, "look", Recorder.look),
        (torch.no_grad()(steer), "steer", steer),
    ],
    ids=["partial", "object", "method", "decorated"],
)
def test_a_hook_is_named_and_placed_by_the_function_that_it_is_written_in(net, hook, name, function):
    net.register_forward_pre_hook(hook)
    (found,) = leftover_hooks(net)
    assert (found.name, found.owner) == (name, "unknown")
    assert found.where == f"{HERE}:{function.__code__.co_firstlineno}"


def test_a_hook_in_c_has_no_place(net):
    net.register_forward_pre_hook(print)
    assert leftover_hooks(net)[0].where is None
    assert str(leftover_hooks(net)[0]).startswith("Sequential: pre-hook print, ")


def test_a_hook_of_a_running_add_hooks_is_the_librarys_and_the_users_function_is_named(net):
    with add_hooks([(net[0], steer)]) as calls:
        assert owners(net) == [("0", "pre-hook", "steer", "tutorial_lib")]
        assert leftover_hooks(net)[0].where.startswith(HERE)
        net(torch.ones(1, 4))
    assert calls.counts == [1]
    assert leftover_hooks(net) == []


def test_what_came_along_with_a_copy_is_told_from_the_original(net):
    handle = net[0].register_forward_pre_hook(steer)
    with add_hooks([], [(net[0], steer)]):
        twin = copy.deepcopy(net)
        expected = [("0", "pre-hook", "steer", "copy"), ("0", "forward hook", "steer", "copy")]
        assert owners(twin) == expected
        assert [owner for *_, owner in owners(net)] == ["user", "tutorial_lib"]
        net(torch.ones(1, 4))
    handle.remove()
    assert owners(twin) == expected  # the handle still tells that its table was another
    assert owners(net) == []
    del handle
    gc.collect()
    assert [owner for *_, owner in owners(twin)] == ["unknown", "copy"]


def test_a_hook_that_was_put_back_after_its_add_hooks_has_ended_can_be_removed(net):
    with add_hooks([(net[0], steer)]):
        net(torch.ones(1, 4))
        kept = dict(net[0]._forward_pre_hooks)
    net[0]._forward_pre_hooks.update(kept)
    assert owners(net) == [("0", "pre-hook", "steer", "copy")]
    leftover_hooks(net)[0].remove()
    assert hooks_on(net) == []


def test_a_copy_of_a_hooked_module_can_be_hooked_in_its_own_right(net):
    original = net[0].register_forward_pre_hook(steer)
    twin = copy.deepcopy(net)
    own = twin[0].register_forward_pre_hook(steer)
    assert [owner for *_, owner in owners(twin)] == ["copy", "user"]
    assert [owner for *_, owner in owners(net)] == ["user"]
    original.remove()
    own.remove()


@pytest.mark.skipif(transformers.__version__ < "5", reason="transformers 4 records without hooks")
def test_the_recorder_of_hidden_states_is_transformers_own(llama, ids):
    llama(ids, output_hidden_states=True)
    recorders = [hook for hook in leftover_hooks(llama) if hook.path == "model.layers.1"]
    assert [(hook.name, hook.owner) for hook in recorders] == [("output_capturing_hook", "transformers")]
    assert {hook.owner for hook in leftover_hooks(copy.deepcopy(llama))} == {"transformers"}


def test_a_pass_that_failed_under_transformers_4_leaves_a_replaced_forward_that_is_seen(llama, ids):
    def fail(module, args):
        raise RuntimeError("stop here")

    with pytest.raises(RuntimeError), add_hooks([(llama.model.layers[1], fail)]):
        llama(ids, output_hidden_states=True)
    replaced = [hook for hook in leftover_hooks(llama) if hook.kind == "replaced forward"]
    found = {(hook.path, hook.name, hook.owner) for hook in replaced}
    if transformers.__version__ < "5":
        assert ("model.layers.1", "wrapped_forward", "transformers") in found
    else:
        assert found == set()


def test_what_accelerate_puts_before_a_forward_is_its_own(ids):
    accelerate = pytest.importorskip("accelerate")
    model = build("llama")
    accelerate.cpu_offload(model, execution_device="cpu")
    found = {hook.path: hook for hook in leftover_hooks(model)}
    offloaded = found["model.layers.1.mlp.up_proj"]
    assert (offloaded.kind, offloaded.name, offloaded.owner) == (
        "replaced forward",
        "AlignDevicesHook",
        "accelerate",
    )
    assert {hook.owner for hook in found.values()} == {"accelerate"}


def test_the_hooks_that_an_adapter_library_puts_on_are_its_own(llama, ids):
    peft = pytest.importorskip("peft")
    config = peft.LoraConfig(target_modules=["q_proj"], r=2, task_type="CAUSAL_LM")
    model = peft.get_peft_model(llama, config).eval()
    assert leftover_hooks(model) == []  # it replaces modules and needs no hooks
    seen = []
    look = [(find_blocks(model)[0], lambda module, args: seen.extend(leftover_hooks(model)))]
    with add_hooks(look), torch.no_grad():
        model(input_ids=ids, adapter_names=["default", "__base__"])  # a mixed batch does
    assert {hook.owner for hook in seen} == {"peft", "tutorial_lib"}
    assert leftover_hooks(model) == []


def test_hooks_of_pytorch_itself_are_its_own():
    with pytest.warns(FutureWarning):
        module = torch.nn.utils.weight_norm(nn.Linear(2, 2))
    assert owners(module) == [("", "pre-hook", "WeightNorm", "torch")]


def test_a_compiled_model_is_seen(net):
    assert owners(torch.compile(net, backend="eager")) == [("", "compiled", "torch.compile", "torch")]
    net[0].compile(backend="eager")
    assert owners(net) == [("0", "compiled", "torch.compile", "torch")]


def test_a_forward_that_somebody_replaced_is_seen_and_one_that_was_put_back_is_not(net):
    def quiet(self, x):
        return x

    original = net[0].forward
    net[0].forward = types.MethodType(quiet, net[0])
    assert owners(net) == [("0", "replaced forward", "quiet", "unknown")]
    net[0].forward = original
    assert owners(net) == []


def test_hooks_on_every_module_come_first(net):
    handle = register_module_forward_pre_hook(steer)
    try:
        (found,) = leftover_hooks(net)
        assert (found.module_class, found.kind, found.name) == ("every module", "pre-hook", "steer")
        with pytest.raises(ValueError, match="not left over"):
            found.remove()
    finally:
        handle.remove()


def test_remove_takes_off_this_one_hook_and_its_notes_and_is_done_once(net):
    kept = [net[0].register_forward_hook(steer) for _ in range(2)]
    before = tables(net)
    net[0].register_forward_hook(steer, with_kwargs=True, always_call=True)
    found = leftover_hooks(net)
    assert [hook.owner for hook in found] == ["user", "user", "unknown"]
    found[2].remove()
    found[2].remove()
    assert tables(net) == before
    kept[0].remove()
    found[0].remove()
    assert [hook.owner for hook in leftover_hooks(net)] == ["user"]


def test_remove_cleans_a_copy_and_leaves_the_original(net):
    handle = net[0].register_forward_pre_hook(steer)
    twin = copy.deepcopy(net)
    for hook in leftover_hooks(twin):
        hook.remove()
    assert hooks_on(twin) == []
    assert len(hooks_on(net)) == 1
    handle.remove()


def test_a_record_keeps_no_model_alive():
    net = nn.Linear(4, 4)
    net.register_forward_hook(steer)
    (found,) = leftover_hooks(net)
    del net
    gc.collect()
    found.remove()
    assert found._module() is None


def test_what_something_relies_on_is_not_removed(ids):
    llama = build("llama")
    llama.enable_input_require_grads()  # of transformers, a forward hook on the embedding
    with add_hooks([(llama.model.layers[0], steer)]):
        before = tables(llama)
        llama(ids)
        found = leftover_hooks(llama)
        assert {hook.owner for hook in found} == {"transformers", "tutorial_lib"}
        for hook in found:
            with pytest.raises(ValueError, match=r"not left over, something relies on it: .*(own|running)"):
                hook.remove()
        assert tables(llama) == before


@pytest.mark.skipif(transformers.__version__ < "5", reason="transformers 4 records without hooks")
def test_clearing_the_tables_breaks_the_recorder_and_removing_leftovers_does_not(ids):
    model = build("llama")
    model(ids, output_hidden_states=True)
    block = model.model.layers[1]
    block.register_forward_hook(steer)
    for hook in leftover_hooks(model):
        if hook.owner == "unknown":
            hook.remove()
    assert len(model(ids, output_hidden_states=True).hidden_states) == 4
    for module in model.modules():
        module._forward_hooks.clear()
    assert model(ids, output_hidden_states=True).hidden_states == ()
