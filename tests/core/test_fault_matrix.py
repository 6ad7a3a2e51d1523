"""The fault matrix: wherever something raises, the model ends with exactly the hooks that it had.

A row is a point at which something can raise, a column a function that puts hooks on, and in each of these
cells five errors are raised. After each one every table of hooks, by number, identity and order, the config,
the modes and the grad mode are what they were, and at the end the model gives the logits that it gave before.
The user's own hooks are on the model all the while.
"""

import copy
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import torch
from torch import nn

from tests.tiny_families import D_MODEL, LAYERS, build, tables
from tutorial_lib import (
    UnexpectedCallsError,
    UnfiredHookWarning,
    ablate_direction_everywhere,
    activation_patching,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    direct_logit_attribution,
    get_residual_stream_at_layer,
    logit_lens,
    orthogonalize_weights,
    patch_residual_stream,
)

IDS = torch.randint(5, 60, (2, 3), generator=torch.Generator().manual_seed(1))
DIRECTION = torch.linspace(-1, 1, D_MODEL)
ERRORS = (RuntimeError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit)


def nothing(module, *call):
    return None


def run_under(model, *lists, **settings):
    with torch.no_grad(), add_hooks(*lists, **settings):
        model(IDS)


def both_kinds(model):
    pairs = [(block, nothing) for block in model.model.layers]
    return [(model, nothing), *pairs], [*pairs, (model.lm_head, nothing)]


# The columns. `difference_of_means` gets streams and puts no hook on.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "add_hooks": lambda model: run_under(model, *both_kinds(model)),
    "add_hooks prepend": lambda model: run_under(model, *both_kinds(model), prepend=True, with_kwargs=True),
    "add_hooks expected_calls": lambda model: run_under(model, *both_kinds(model), expected_calls=1),
    "add_vector": lambda model: run_under(model, add_vector_to_residual_stream(model, 1, DIRECTION)),
    "ablate_everywhere": lambda model: run_under(model, *ablate_direction_everywhere(model, DIRECTION)),
    "get_stream": lambda model: get_residual_stream_at_layer(model, 2, IDS),
    "get_stream at the end": lambda model: get_residual_stream_at_layer(model, LAYERS, IDS),
    "get_stream and go on": lambda model: get_residual_stream_at_layer(model, 2, IDS, stop_early=False),
    "cache_streams": lambda model: cache_residual_streams(model, IDS, after_last_block=True),
    "cache_streams before": lambda model: cache_residual_streams(model, IDS, edits="before"),
    "activation_patching": lambda model: activation_patching(
        model, IDS, IDS.flip(0), lambda out: out[0, -1, 7]
    ),
    "logit_lens": lambda model: logit_lens(model, IDS),
    "attribution": lambda model: direct_logit_attribution(model, IDS, IDS[:, 0], IDS[:, 1]),
    "orthogonalize": lambda model: orthogonalize_weights(model, DIRECTION),
}


@contextmanager
def failing_module(module: nn.Module, error: type[BaseException]) -> Iterator[None]:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise error("here")

    module.forward = fail
    try:
        yield
    finally:
        del module.forward


@contextmanager
def failing_hook(module: nn.Module, kind: str, error: type[BaseException]) -> Iterator[None]:
    """A hook of the user's, there before, that raises."""

    def fail(module: nn.Module, *call: Any) -> Any:
        raise error("here")

    handle = getattr(module, f"register_forward_{kind}")(fail)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def watched_registrations(kinds: tuple[str, ...], at: Callable[[int], None]) -> Iterator[None]:
    """Calls `at(number)` after each registration: the hook is on, its handle not yet returned."""
    originals = {kind: getattr(nn.Module, kind) for kind in kinds}
    number = 0

    def watched(original: Any) -> Any:
        def register(self: nn.Module, *args: Any, **kwargs: Any) -> Any:
            nonlocal number
            handle = original(self, *args, **kwargs)
            number += 1
            at(number)
            return handle

        return register

    for kind, original in originals.items():
        setattr(nn.Module, kind, watched(original))
    try:
        yield
    finally:
        for kind, original in originals.items():
            setattr(nn.Module, kind, original)


BOTH = ("register_forward_pre_hook", "register_forward_hook")


def failing_registration(
    model: Any, function: Callable[[Any], Any], kinds: tuple[str, ...], which: str, error: type[BaseException]
) -> AbstractContextManager[None]:
    """The first, middle or last registration of the function is interrupted."""
    numbers: list[int] = [0]
    with watched_registrations(kinds, numbers.append):
        function(model)
    fatal = {"first": 1, "middle": (numbers[-1] + 1) // 2, "last": numbers[-1]}[which]

    def at(number: int) -> None:
        if number == fatal:
            raise error("here")

    return watched_registrations(kinds, at)


# The rows.
POINTS: dict[str, Callable[..., AbstractContextManager[None]]] = {
    "first registration": lambda m, f, e: failing_registration(m, f, BOTH, "first", e),
    "middle registration": lambda m, f, e: failing_registration(m, f, BOTH, "middle", e),
    "last registration": lambda m, f, e: failing_registration(m, f, BOTH, "last", e),
    "last pre-hook's registration": lambda m, f, e: failing_registration(m, f, BOTH[:1], "last", e),
    "first forward hook's registration": lambda m, f, e: failing_registration(m, f, BOTH[1:], "first", e),
    "model": lambda m, f, e: failing_module(m, e),
    "embedding": lambda m, f, e: failing_module(m.model.embed_tokens, e),
    "first block": lambda m, f, e: failing_module(m.model.layers[0], e),
    "attention of a block": lambda m, f, e: failing_module(m.model.layers[1].self_attn, e),
    "MLP of a block": lambda m, f, e: failing_module(m.model.layers[1].mlp.down_proj, e),
    "last block": lambda m, f, e: failing_module(m.model.layers[-1], e),
    "final norm": lambda m, f, e: failing_module(m.model.norm, e),
    "unembedding": lambda m, f, e: failing_module(m.lm_head, e),
    "pre-hook of the model": lambda m, f, e: failing_hook(m, "pre_hook", e),
    "pre-hook of the first block": lambda m, f, e: failing_hook(m.model.layers[0], "pre_hook", e),
    "forward hook of a block": lambda m, f, e: failing_hook(m.model.layers[1], "hook", e),
    "forward hook of the last block": lambda m, f, e: failing_hook(m.model.layers[-1], "hook", e),
    "forward hook of the model": lambda m, f, e: failing_hook(m, "hook", e),
}

# The cells in which nothing is raised, since the function does not come by the point.
STOPS_AT_2 = {
    "last block", "final norm", "unembedding", "forward hook of the last block", "forward hook of the model"
}  # fmt: skip
STOPS_AT_THE_END = {"final norm", "unembedding", "forward hook of the model"}
NO_FORWARD_HOOKS = (
    "add_vector",
    "get_stream",
    "get_stream and go on",
    "cache_streams before",
    "activation_patching",
)
NOT_REACHED = {
    *((point, "get_stream") for point in STOPS_AT_2),
    *((point, "get_stream at the end") for point in STOPS_AT_THE_END),
    *(("first forward hook's registration", function) for function in NO_FORWARD_HOOKS),
    ("last pre-hook's registration", "get_stream at the end"),
}
# The last hook on at layer 3 runs after these two, which had been on before it.
CELLS = len(POINTS) * len(FUNCTIONS) * len(ERRORS)


def state(model: Any) -> list[Any]:
    return [
        tables(model),
        model.config.to_dict(),
        [module.training for module in model.modules()],
        [(parameter.requires_grad, parameter._version) for parameter in model.parameters()],
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
    ]


@pytest.fixture(scope="module")
def hooked_llama() -> Iterator[Any]:
    """A Llama with hooks of the user's on it, of each kind, and with a part in training mode."""
    model = build("llama")
    model.model.layers[0].mlp.train()
    handles = [model.register_forward_pre_hook(nothing)]
    for module in (model.model.embed_tokens, *model.model.layers, model.model.norm):
        handles.append(module.register_forward_pre_hook(nothing, with_kwargs=True))
        handles.append(module.register_forward_hook(nothing, always_call=True))
        handles.append(module.register_full_backward_hook(nothing))
    yield model
    for handle in handles:
        handle.remove()


@pytest.fixture
def model(hooked_llama: Any) -> Iterator[Any]:
    """The hooked Llama; whatever a test did, state and logits must be what they were."""
    with torch.no_grad():
        before, logits = state(hooked_llama), hooked_llama(IDS).logits
    before = state(hooked_llama)
    yield hooked_llama
    assert state(hooked_llama) == before
    with torch.no_grad():
        assert torch.equal(hooked_llama(IDS).logits, logits)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("point", POINTS)
def test_wherever_it_fails_the_model_ends_with_the_hooks_it_had(model, point, function):
    for error in ERRORS:
        with POINTS[point](model, FUNCTIONS[function], error):
            before = state(model)
            if (point, function) in NOT_REACHED:
                FUNCTIONS[function](model)
            else:
                with pytest.raises(error, match="here"):
                    FUNCTIONS[function](model)
            assert state(model) == before, error


@pytest.mark.parametrize(
    "cells", [CELLS], ids=[f"{CELLS} cells, {len(NOT_REACHED) * len(ERRORS)} not reached"]
)
def test_the_matrix_has_no_hole(cells):
    assert cells == len(POINTS) * len(FUNCTIONS) * len(ERRORS)
    assert {point for point, _ in NOT_REACHED} <= set(POINTS)
    assert {function for _, function in NOT_REACHED} <= set(FUNCTIONS)


# What can go wrong with add_hooks alone: in its body, in its own hooks, at its end.


def raising(module, *call):
    raise RuntimeError("here")


def wrong_arguments(module, args):
    return "not arguments"


def wrong_output(module, args, output):
    return "not an output"


def pairs_of(model, *hooks):
    return list(
        zip([model.model.layers[0], model.model.layers[1], model.model.layers[2]], hooks, strict=True)
    )


OWN_HOOKS: dict[str, tuple[tuple[Any, Any, Any], tuple[Any, Any, Any]]] = {
    "the first pre-hook raises": ((raising, nothing, nothing), (nothing, nothing, nothing)),
    "the last pre-hook raises": ((nothing, nothing, raising), (nothing, nothing, nothing)),
    "the first forward hook raises": ((nothing, nothing, nothing), (raising, nothing, nothing)),
    "the last forward hook raises": ((nothing, nothing, nothing), (nothing, nothing, raising)),
    "a pre-hook returns a wrong type": ((nothing, wrong_arguments, nothing), (nothing, nothing, nothing)),
    "a forward hook returns a wrong type": ((nothing, nothing, nothing), (nothing, wrong_output, nothing)),
}


@pytest.mark.parametrize("prepend", [False, True], ids=["last", "prepended"])
@pytest.mark.parametrize("case", OWN_HOOKS)
def test_whichever_of_its_own_hooks_fails_add_hooks_takes_all_of_them_off(model, case, prepend):
    before = state(model)
    pre_hooks, hooks = (pairs_of(model, *hooks) for hooks in OWN_HOOKS[case])
    with pytest.raises((RuntimeError, AttributeError, TypeError, KeyError)):
        run_under(model, pre_hooks, hooks, prepend=prepend)
    assert state(model) == before


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("runs", [0, 1, 2])
def test_an_error_of_the_body_takes_all_hooks_off(model, runs, error):
    before = state(model)

    def body():
        with torch.no_grad(), add_hooks(*both_kinds(model), expected_calls=5):
            for _ in range(runs):
                model(IDS)
            raise error("here")

    with pytest.raises(error, match="here"):
        body()
    assert state(model) == before


def test_the_warning_at_the_end_comes_after_the_hooks_are_off(model):
    before = state(model)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(UnfiredHookWarning), add_hooks(*both_kinds(model)):
            pass
    assert state(model) == before


def test_a_wrong_number_of_calls_is_an_error_after_the_hooks_are_off(model):
    before = state(model)
    with pytest.raises(UnexpectedCallsError):
        run_under(model, *both_kinds(model), expected_calls=2)
    assert state(model) == before


@pytest.mark.parametrize("remove", ["by clearing its own entry", "by its own handle"])
def test_a_hook_that_removes_itself_is_no_error(model, remove):
    before = state(model)
    block = model.model.layers[1]

    def once(module, args):
        key = list(module._forward_pre_hooks)[-1]
        del module._forward_pre_hooks[key]
        if remove == "by its own handle":
            module._forward_pre_hooks_with_kwargs.pop(key, None)

    run_under(model, [(block, once)])
    assert state(model) == before


# Failures inside of what the library's own hooks and callbacks do.
OTHER_LENGTH = torch.ones(2, 9, D_MODEL)
WRONG_CALLS: dict[str, Callable[[Any], Any]] = {
    "a position that does not exist": lambda m: cache_residual_streams(m, IDS, positions=[0, 99]),
    "ids outside of the vocabulary": lambda m: get_residual_stream_at_layer(m, 2, IDS + 10_000),
    "a mask of a wrong type": lambda m: logit_lens(m, IDS, attention_mask="no mask"),
    "a metric that fails": lambda m: activation_patching(m, IDS, IDS.flip(0), lambda out: out[9, 9]),
    "answers that do not exist": lambda m: direct_logit_attribution(m, IDS, IDS[:, 0] + 999, IDS[:, 1]),
    "a source of another length": lambda m: run_under(m, patch_residual_stream(m, 1, OTHER_LENGTH)),
}


@pytest.mark.parametrize("case", WRONG_CALLS)
def test_a_call_that_fails_in_the_librarys_own_hooks_leaves_none(model, case):
    before = state(model)
    with pytest.raises((ValueError, IndexError, RuntimeError, AttributeError, TypeError)):
        WRONG_CALLS[case](model)
    assert state(model) == before


@pytest.mark.parametrize("outer", ["get_stream", "cache_streams", "logit_lens", "attribution"])
@pytest.mark.parametrize("inner", ["get_stream", "cache_streams"])
def test_captures_inside_of_captures_take_off_their_own_hooks_only(model, outer, inner):
    before, entered = state(model), []

    def enter(module, args):
        if not entered:
            entered.append(tables(model))
            FUNCTIONS[inner](model)
            entered.append(tables(model))

    with add_hooks([(model.model.layers[1], enter)]):
        FUNCTIONS[outer](model)
    assert entered[0] == entered[1]
    assert state(model) == before


@pytest.mark.parametrize("end", ["close", "throw", "exhaust", "drop"])
def test_a_generator_with_hooks_leaves_none_however_it_ends(model, end):
    before = state(model)

    def runs():
        with torch.no_grad(), add_hooks(*both_kinds(model)):
            yield model(IDS)
            yield model(IDS)

    generator = runs()
    next(generator)
    if end == "close":
        generator.close()
    elif end == "throw":
        with pytest.raises(KeyboardInterrupt):
            generator.throw(KeyboardInterrupt)
    elif end == "exhaust":
        list(generator)
    else:
        del generator
    torch.set_grad_enabled(True)  # a generator that is dropped cannot put back the caller's grad mode in time
    assert state(model) == before


def test_a_consumer_that_fails_leaves_no_hook_of_the_generator(model):
    before = state(model)

    def runs():
        with add_hooks(*both_kinds(model)):
            for _ in range(3):
                yield model(IDS)

    def consume():
        for output in runs():
            raise ZeroDivisionError(len(output))

    with pytest.raises(ZeroDivisionError):
        consume()
    assert state(model) == before


def test_threads_with_hooks_of_their_own_on_one_model_leave_none(model):
    before = state(model)
    problems: list[BaseException] = []
    start = threading.Barrier(2)

    def work(number):
        try:
            start.wait()
            for turn in range(25):
                pairs = [(block, nothing) for block in model.model.layers]
                with torch.no_grad(), add_hooks(pairs, prepend=bool(turn % 2)) as calls:
                    model(IDS)
                assert min(calls.counts) >= 1  # and more: the other thread's runs call them, too
                if turn % 5 == number:
                    get_residual_stream_at_layer(model, 2, IDS)
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert state(model) == before


def test_the_matrix_would_see_a_hook_that_stays_and_one_that_goes(model):
    twin = copy.deepcopy(model)
    before = state(twin)
    handle = twin.model.layers[0].register_forward_hook(nothing)
    assert state(twin) != before
    handle.remove()
    assert state(twin) == before
    twin.model.layers[1]._forward_hooks.popitem()
    assert state(twin) != before
