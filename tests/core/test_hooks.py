"""add_hooks: what goes on comes off again, mistakes are named, a hook that never ran is reported."""

import functools
import gc
import warnings
import weakref
from pathlib import Path

import pytest
import torch
from torch import nn

import tutorial_lib
from tests.tiny_families import hooks_on
from tutorial_lib import HookCount, UnexpectedCallsError, UnfiredHookWarning, add_hooks
from tutorial_lib.hooks import wants_kwargs


class Interrupting(nn.Linear):
    """Registers the hook and is then interrupted, before the caller can hold the handle."""

    def register_forward_pre_hook(self, *args, **kwargs):
        super().register_forward_pre_hook(*args, **kwargs)
        raise KeyboardInterrupt


class Refusing(nn.Linear):
    def register_forward_hook(self, *args, **kwargs):
        raise RuntimeError("no hooks here")


@pytest.fixture
def net():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))


@pytest.fixture
def x():
    return torch.ones(2, 4)


def nothing(module, *call):
    return None


def failing(module, *call):
    raise RuntimeError("the hook failed")


def test_pre_hooks_see_the_input_and_forward_hooks_the_output(net, x):
    seen = {}
    pre = [(net[0], lambda module, args: seen.update(args=args))]
    post = [(net[0], lambda module, args, output: seen.update(output=output))]
    with add_hooks(pre, post):
        net(x)
    assert seen["args"][0] is x
    assert torch.equal(seen["output"], net[0](x))


def test_what_a_hook_returns_replaces_input_and_output(net, x):
    zero = torch.zeros(2, 4)
    with add_hooks([(net[0], lambda module, args: (zero,))]):
        assert torch.equal(net(x), net[2](net[1](net[0].bias.expand(2, 4))))
    with add_hooks([], [(net, lambda module, args, output: output + 1)]):
        changed = net(x)
    assert torch.equal(changed, net(x) + 1)


def test_the_names_of_the_two_lists_are_those_of_the_seed(net, x):
    with add_hooks(module_forward_pre_hooks=[(net, nothing)], module_forward_hooks=[]):
        net(x)


def test_with_kwargs_shows_and_replaces_keyword_arguments():
    class Scaled(nn.Module):
        def forward(self, x, *, by):
            return x * by

    module, seen = Scaled(), []
    pre = [(module, lambda module, args, kwargs: (args, {"by": 3}))]
    post = [(module, lambda module, args, kwargs, output: seen.append((kwargs, output)))]
    with add_hooks(pre, post, with_kwargs=True):
        assert len(hooks_on(module)) == 4  # two hooks, and for each a note that it wants keyword arguments
        module(torch.ones(1), by=2)
    assert seen == [({"by": 3}, torch.full((1,), 3.0))]
    assert hooks_on(module) == []


def test_a_hook_that_wants_keyword_arguments_gets_them_beside_hooks_that_do_not():
    class Scaled(nn.Module):
        def forward(self, x, *, by):
            return x * by

    @wants_kwargs
    def triple(module, args, kwargs):
        return args, {"by": 3}

    module, seen = Scaled(), []
    with add_hooks([(module, lambda module, args: seen.append(len(args))), (module, triple)]):
        assert module(torch.ones(1), by=2) == 3
    assert seen == [1]
    assert hooks_on(module) == []


def test_extra_keyword_arguments_are_bound_to_every_hook(net, x):
    seen = []

    def pre(module, args, *, tag):
        seen.append(tag)

    def post(module, args, output, *, tag):
        seen.append(tag)

    with add_hooks([(net[0], pre)], [(net[2], post)], tag="here"):
        net(x)
    assert seen == ["here", "here"]


def test_hooks_of_one_module_run_in_the_order_given_after_those_there_before(net, x):
    order = []
    handle = net.register_forward_pre_hook(lambda module, args: order.append("old"))
    with add_hooks((net, lambda module, args, n=n: order.append(n)) for n in range(3)):
        net(x)
    handle.remove()
    assert order == ["old", 0, 1, 2]


def test_a_look_into_the_tables_of_a_module_shows_the_names_of_the_hooks(net, x):
    def look(module, *call):
        return None

    with add_hooks([(net, nothing)], [(net, look)]):
        net(x)
        on = [hook for _, hook in hooks_on(net)]
    assert [hook.__name__ for hook in on] == ["nothing", "look"]
    assert [hook.__qualname__ for hook in on] == ["nothing", look.__qualname__]


def test_the_same_hook_may_be_on_twice(net, x):
    calls = []
    with add_hooks([(net, lambda module, args: calls.append(1))] * 2):
        net(x)
    assert len(calls) == 2
    assert hooks_on(net) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit, GeneratorExit])
def test_an_error_in_the_body_leaves_no_hook(net, x, error):
    with pytest.raises(error), add_hooks([(net[0], nothing)], [(net[2], nothing)], with_kwargs=True):
        raise error
    assert hooks_on(net) == []


@pytest.mark.parametrize("lists", [([0], []), ([], [0])])
def test_an_error_in_a_hook_leaves_no_hook(net, x, lists):
    pre, post = ([(net[i], failing) for i in indices] for indices in lists)
    with pytest.raises(RuntimeError, match=r"the hook failed"), add_hooks(pre, post):
        net(x)
    assert hooks_on(net) == []


def test_an_error_in_the_forward_pass_leaves_no_hook(net):
    with pytest.raises(RuntimeError, match=r"shapes"), add_hooks([(net[0], nothing)], [(net[2], nothing)]):
        net(torch.ones(2, 5))
    assert hooks_on(net) == []


def test_a_failure_half_way_through_registering_leaves_no_hook(net):
    refusing = Refusing(4, 4)
    with pytest.raises(RuntimeError, match=r"no hooks here"):
        add_hooks([(net[0], nothing)], [(net[2], nothing), (refusing, nothing)]).__enter__()
    assert hooks_on(net) == []


def test_a_module_without_hook_tables_does_not_keep_other_hooks_on(net):
    class Unfinished(nn.Module):
        def __init__(self):  # forgets super().__init__()
            pass

    with pytest.raises(AttributeError):
        add_hooks([(net[0], nothing), (Unfinished(), nothing)]).__enter__()
    assert hooks_on(net) == []


def test_an_interrupt_between_registering_and_remembering_leaves_no_hook(net):
    interrupting = Interrupting(4, 4)
    with pytest.raises(KeyboardInterrupt):
        add_hooks([(net[0], nothing), (interrupting, nothing)], with_kwargs=True).__enter__()
    assert hooks_on(net) == []
    assert hooks_on(interrupting) == []


def test_nested_contexts_take_off_their_own_hooks_only(net, x):
    calls = []
    with add_hooks([(net, lambda module, args: calls.append("outer"))]):
        with add_hooks([(net, lambda module, args: calls.append("inner"))]):
            net(x)
        net(x)
        assert len(hooks_on(net)) == 1
    assert calls == ["outer", "inner", "outer"]
    assert hooks_on(net) == []


def test_a_hook_of_the_users_own_stays(net, x):
    handle = net.register_forward_pre_hook(nothing)
    with add_hooks([(net, nothing)]):
        net(x)
    assert [hook for _, hook in hooks_on(net)] == [nothing]
    handle.remove()


def test_a_generator_that_is_closed_early_leaves_no_hook(net, x):
    def runs():
        with add_hooks([(net, nothing)]):
            while True:
                yield net(x)

    generator = runs()
    next(generator)
    assert len(hooks_on(net)) == 1
    generator.close()
    assert hooks_on(net) == []


def test_a_generator_that_is_dropped_leaves_no_hook(net, x):
    def runs():
        with add_hooks([(net, nothing)]):
            yield net(x)
            yield net(x)

    assert len([next(runs())]) == 1
    gc.collect()
    assert hooks_on(net) == []


def test_a_hook_that_takes_itself_for_gone_is_no_error(net, x):
    with add_hooks([(net, nothing)]):
        net(x)
        net._forward_pre_hooks.clear()
    assert hooks_on(net) == []


def test_it_works_as_a_decorator_more_than_once(net, x):
    calls = []

    @add_hooks(pair for pair in [(net, lambda module, args: calls.append(1))])
    def run():
        net(x)

    run()
    run()
    assert len(calls) == 2
    assert hooks_on(net) == []


def test_no_hooks_at_all_are_fine(net, x):
    with add_hooks():
        net(x)
    with add_hooks([], []):
        net(x)


def test_a_hook_that_never_ran_is_named_with_its_module_and_the_users_line(net, x):
    def forgotten(module, args, output, tag):
        return None

    with pytest.warns(UnfiredHookWarning) as caught, add_hooks([], [(net[2], forgotten)] * 2, tag=1):
        net[0](x)
    assert len(caught) == 1
    message = str(caught[0].message)
    assert "forward hook" in message
    assert "forgotten on Linear (2 times)" in message
    assert "not run inside" in message
    assert "torch.compile" in message
    assert caught[0].filename == __file__
    here = test_a_hook_that_never_ran_is_named_with_its_module_and_the_users_line.__code__.co_firstlineno
    assert here < caught[0].lineno < here + 8
    assert hooks_on(net) == []


def test_only_the_hook_that_never_ran_is_named(net, x):
    def ran(module, args):
        return None

    def idle(module, args):
        return None

    with (
        pytest.warns(UnfiredHookWarning, match=r"pre-hook idle on Linear") as caught,
        add_hooks([(net[0], ran), (net[2], idle)]),
    ):
        net[0](x)
    assert "ran on" not in str(caught[0].message)


def test_a_body_that_raised_gives_no_warning(net):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with pytest.raises(ZeroDivisionError), add_hooks([(net, nothing)]):
            raise ZeroDivisionError
    assert caught == []


def test_the_warning_turned_into_an_error_leaves_no_hook(net):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnfiredHookWarning), add_hooks([(net, nothing)]):
            pass
    assert hooks_on(net) == []


def bad_lists(net):
    partial = functools.partial(nothing)
    return {
        "swapped": ([(nothing, net[0])], TypeError, "nothing.*swapped.*module comes first"),
        "bare pair": ((net[0], nothing), TypeError, r"one bare pair; write \[\(Linear, nothing\)\]"),
        "bare pair of a partial": ((net[0], partial), TypeError, "bare pair"),
        "dict": ({net[0]: nothing}, TypeError, r"got a dict; pass list\(the_dict.items\(\)\)"),
        "a module": (net, TypeError, "got Sequential"),
        "a function": (nothing, TypeError, "got nothing"),
        "None": (None, TypeError, "got None"),
        "a string": ("layers", TypeError, "'layers'"),
        "a lone module in it": ([net[0]], TypeError, r"\[0\] must be a \(module, hook\) pair, got Linear"),
        "a triple": ([(net[0], nothing, 1)], TypeError, "must be a .module, hook. pair"),
        "no module": (
            [(net[0], nothing), ("layer 3", nothing)],
            TypeError,
            r"\[1\] must start with.*'layer 3'",
        ),
        "two lists of pairs": (
            ([(net[0], nothing)], []),
            TypeError,
            r"got 2 lists of them.*add_hooks\(\*pairs\)",
        ),
        "no function": ([(net[0], 7)], TypeError, "needs a function.*got 7"),
        "a list of modules": (
            [(nn.ModuleList([net[0]]), nothing)],
            ValueError,
            "never called.*hook its elem",
        ),
        "a dict of modules": ([(nn.ModuleDict({"a": net[0]}), nothing)], ValueError, "container.values"),
    }


@pytest.mark.parametrize("case", bad_lists(nn.Sequential(nn.Linear(1, 1))))
@pytest.mark.parametrize("argument", ["module_forward_pre_hooks", "module_forward_hooks"])
def test_a_wrong_list_is_named_before_any_hook_is_on(net, case, argument):
    pairs, error, message = bad_lists(net)[case]
    other = {"module_forward_pre_hooks", "module_forward_hooks"} - {argument}
    with pytest.raises(error, match=message) as caught:
        add_hooks(**{argument: pairs, other.pop(): [(net[0], nothing)]})
    assert argument in str(caught.value)
    assert hooks_on(net) == []


def test_a_list_of_modules_with_a_forward_of_its_own_can_be_hooked(x):
    class Stack(nn.ModuleList):
        def forward(self, x):
            for module in self:
                x = module(x)
            return x

    calls, stack = [], Stack([nn.Linear(4, 4)])
    with add_hooks([(stack, lambda module, args: calls.append(1))]):
        stack(x)
    assert calls == [1]


def test_two_pairs_are_not_taken_for_one(net, x):
    with add_hooks([(net[0], nothing), (net[2], nothing)]):
        net(x)


def test_hooks_put_on_before_compiling_run_in_the_compiled_model(net, x):
    calls = []

    def doubled(module, args, output):
        calls.append(1)
        return output * 2

    with add_hooks([], [(net[2], doubled)]):
        compiled = torch.compile(net, backend="eager")
        result = compiled(x)
    torch._dynamo.reset()
    assert torch.equal(result, net(x) * 2)
    assert calls


def test_the_report_counts_the_calls_of_each_hook_live_and_after_the_block(net, x):
    with add_hooks([(net[0], nothing), (net[2], nothing)], [(net, nothing)]) as calls:
        assert calls.counts == [0, 0, 0]
        net(x)
        assert calls.counts == [1, 1, 1]
        net[0](x)
        assert calls.active
    assert calls.counts == [2, 1, 1]
    assert not calls.active
    net(x)
    assert calls.counts == [2, 1, 1]


def test_the_report_names_modules_by_class_and_number_or_with_the_model_by_path(net, x):
    with add_hooks([(net[0], nothing), (net[2], nothing), (net[0], nothing)], [(net, nothing)]) as calls:
        net(x)
    assert str(calls).splitlines() == [
        "pre-hook nothing on Linear #0: 1 call",
        "pre-hook nothing on Linear #1: 1 call",
        "pre-hook nothing on Linear #0: 1 call",
        "forward hook nothing on Sequential: 1 call",
    ]
    assert calls.rows(net)[1] == HookCount("2", "pre-hook", "nothing", 1)
    assert calls.table(net).splitlines()[3] == "forward hook nothing on the model itself: 1 call"
    of_a_part = [row.module for row in calls.rows(net[0])]
    assert of_a_part == ["the model itself", "Linear #1", "the model itself", "Sequential"]
    assert repr(calls) == "<HookCalls [1, 1, 1, 1]>"


def test_the_report_of_no_hooks_says_so(net, x):
    with add_hooks() as calls:
        net(x)
    assert str(calls) == "no hooks"


def test_a_kept_report_keeps_no_model_alive(x):
    net = nn.Sequential(nn.Linear(4, 4))
    with add_hooks([(net[0], lambda module, args, net=net: None)]) as calls:
        net(x)
    gone = weakref.ref(net[0])
    del net
    gc.collect()
    assert gone() is None
    assert "on Linear: 1 call" in str(calls)


def test_a_hook_that_raised_is_counted(net, x):
    with pytest.raises(RuntimeError), add_hooks([(net, failing)]) as calls:
        net(x)
    assert calls.counts == [1]


@pytest.mark.parametrize("expected", [2, [2, 2, 2], (2, 2, 2)])
def test_the_expected_number_of_calls_passes(net, x, expected):
    with add_hooks([(net[0], nothing), (net[2], nothing)], [(net, nothing)], expected_calls=expected):
        net(x)
        net(x)


def test_another_number_of_calls_raises_and_names_module_hook_expected_and_seen(net, x):
    def look(module, args):
        return None

    manager = add_hooks([(net[0], look), (net[2], look)], [(net, nothing)], expected_calls=[1, 1, 2])
    calls = manager.__enter__()
    net(x)
    net[2](x)
    with pytest.raises(UnexpectedCallsError) as caught:
        manager.__exit__(None, None, None)
    lines = str(caught.value).splitlines()
    assert lines[1:] == [
        "  pre-hook look on Linear #1: 2 calls, expected 1 call",
        "  forward hook nothing on Sequential: 1 call, expected 2 calls",
    ]
    assert caught.value.calls is calls
    assert hooks_on(net) == []


def test_a_hook_that_never_ran_is_an_error_or_right_when_a_number_is_expected(net, x):
    message = r"0 calls, expected 1 call"
    with pytest.raises(UnexpectedCallsError, match=message), add_hooks([(net, nothing)], expected_calls=1):
        pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with add_hooks([(net, nothing)], expected_calls=0):
            pass


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt, GeneratorExit])
def test_a_wrong_number_of_calls_does_not_hide_the_error_of_the_body(net, error):
    with pytest.raises(error), add_hooks([(net, nothing)], expected_calls=3):
        raise error


@pytest.mark.parametrize(
    ("expected", "error", "message"),
    [
        (True, TypeError, "got True"),
        ("1", TypeError, "got '1'"),
        (1.0, TypeError, "got 1.0; to bind a keyword of this name to a hook, use functools.partial"),
        (-1, ValueError, "0 or more, got -1"),
        ([1], ValueError, "has 1 numbers for 2 hooks"),
        ([1, None], TypeError, "got None"),
    ],
)
def test_a_wrong_expectation_is_named_before_any_hook_is_on(net, expected, error, message):
    with pytest.raises(error, match=message):
        add_hooks([(net[0], nothing)], [(net[0], nothing)], expected_calls=expected)
    assert hooks_on(net) == []


@pytest.mark.parametrize("kind", ["pre", "forward"])
def test_prepended_hooks_run_before_those_there_already_in_the_order_given(net, x, kind):
    order = []

    def note(name):
        return (net, lambda module, *call: order.append(name))

    def lists(*names):
        pairs = [note(name) for name in names]
        return (pairs, []) if kind == "pre" else ([], pairs)

    with add_hooks(*lists("old")), add_hooks(*lists("new", "newer"), prepend=True):
        net(x)
    assert order == ["new", "newer", "old"]
    assert hooks_on(net) == []


def test_a_keyword_named_as_an_argument_is_not_bound_by_accident(net):
    def steer(module, args, *, prepend):
        return None

    with pytest.raises(TypeError, match=r"True or False.*bind a keyword of this name.*functools.partial"):
        add_hooks([(net, steer)], prepend=torch.ones(4))
    with add_hooks([(net, functools.partial(steer, prepend=torch.ones(4)))]) as calls:
        net(torch.ones(2, 4))
    assert str(calls).startswith("pre-hook steer on")


def test_no_other_file_of_the_library_registers_hooks():
    root = Path(tutorial_lib.__file__).parent
    callers = [file for file in root.rglob("*.py") if ".register_forward" in file.read_text()]
    # The folders of the exercises hold answers, and registering hooks by hand is what many of them practise.
    answers = list((root / "exercises").glob("[0-9]*/**/*.py"))
    assert [file.name for file in callers if file not in answers] == ["hooks.py"]
