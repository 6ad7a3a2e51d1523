"""Put PyTorch hooks on modules and be sure that they come off again.

This is the only file of the library that registers hooks.
"""

import functools
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from tutorial_lib.arguments import Hook as Hook
from tutorial_lib.arguments import HookPair as HookPair
from tutorial_lib.arguments import checked_pairs, short_name
from tutorial_lib.hook_calls import HookCalls, checked_expected


class UnfiredHookWarning(UserWarning):
    """A hook was on a module, the block ended without an error, and the hook never ran."""


def add_hooks(
    module_forward_pre_hooks: Iterable[HookPair] = (),
    module_forward_hooks: Iterable[HookPair] = (),
    *,
    with_kwargs: bool = False,
    expected_calls: int | Sequence[int] | None = None,
    prepend: bool = False,
    **kwargs: Any,
) -> AbstractContextManager[HookCalls]:
    """Hooks that are on inside a `with` block and off after it, whatever happens in between.

        def show(module, args):
            print(args[0].shape)

        with add_hooks([(model.model.layers[2], show)], expected_calls=1) as calls:
            model(input_ids)
        print(calls)

    Hooks of one module run in the order given here, after those that were there before.
    An error while registering, in a hook or in the block leaves no hook behind.

    A hook is on the module, not on the thread: the runs of other threads meanwhile call it, too. Where a part
    is run again in the backward pass (gradient checkpointing), call `backward()` inside the block, or the
    second run goes without the hooks of that part. What torch.compile has traced without a hook goes on
    without it.

    Args:
        module_forward_pre_hooks: (module, hook) pairs. PyTorch calls `hook(module, args)` before the
            module's forward. It returns None to change nothing, or the new `args` tuple.
        module_forward_hooks: (module, hook) pairs. PyTorch calls `hook(module, args, output)` after it.
            It returns None to change nothing, or the new output.
        with_kwargs: also show the hooks the keyword arguments of the call: `hook(module, args, kwargs)`,
            which returns None or `(args, kwargs)`, and `hook(module, args, kwargs, output)`. A hook that was
            made by `wants_kwargs` gets them in any case.
        expected_calls: how often each hook must run; one number for all, or a list with one for each pair,
            the pre-hooks first.
        prepend: run before the hooks that are on the modules already, in the order given here.
        **kwargs: bound to every hook as further keyword arguments. The names above are taken: for a hook with
            a keyword `prepend`, say, bind it with `functools.partial`.

    Returns:
        A context manager that gives a `HookCalls`: how often each hook ran, live and after the block.

    Raises:
        TypeError: an entry is not a (module, callable) pair; another argument of a wrong type.
        ValueError: a module is a container such as `nn.ModuleList`, which PyTorch never calls; expected calls
            that are negative or not one for each hook.
        UnexpectedCallsError: on a normal exit, when a hook ran another number of times than expected.

    Warns:
        UnfiredHookWarning: on a normal exit without `expected_calls`, when a hook never ran.
    """
    pre_hooks = checked_pairs(module_forward_pre_hooks, "module_forward_pre_hooks")
    forward_hooks = checked_pairs(module_forward_hooks, "module_forward_hooks")
    expected = checked_expected(expected_calls, len(pre_hooks) + len(forward_hooks))
    if not isinstance(prepend, bool):
        raise TypeError(
            f"prepend must be True or False, got {short_name(prepend)}; to bind a keyword of this name "
            "to a hook, use functools.partial"
        )
    return _hooked(pre_hooks, forward_hooks, with_kwargs, expected, prepend, kwargs)


@contextmanager
def _hooked(
    pre_hooks: list[HookPair],
    forward_hooks: list[HookPair],
    with_kwargs: bool,
    expected: list[int] | None,
    prepend: bool,
    kwargs: dict[str, Any],
) -> Iterator[HookCalls]:
    calls = HookCalls(pre_hooks, forward_hooks)
    pairs = [*pre_hooks, *forward_hooks]
    counted = [(module, _counted(hook, calls, n, kwargs)) for n, (module, hook) in enumerate(pairs)]
    kwargs_for = [with_kwargs or _wants_kwargs(hook) for _, hook in pairs]
    try:
        with registered(counted, len(pre_hooks), kwargs_for, prepend=prepend):
            yield calls
    finally:
        calls.active = False

    # Normal exit only: after an error a hook may not have had its turn.
    if expected is not None:
        calls.check(expected)
    elif unfired := calls.never_ran():
        # Three levels up: this function, contextlib's __exit__, and the line of the user's `with`.
        warnings.warn(_unfired_message(Counter(unfired)), UnfiredHookWarning, stacklevel=3)


@contextmanager
def registered(
    pairs: Sequence[HookPair], n_pre_hooks: int, with_kwargs: Sequence[bool], *, prepend: bool = False
) -> Iterator[None]:
    """Has hooks on inside the block and takes them off after it, whatever happens; counts and checks nothing.

    Args:
        pairs: pre-hooks, then forward hooks. Each function is on no other module, and on none twice.
        n_pre_hooks: how many of them are pre-hooks.
        with_kwargs: for each, whether it is shown the keyword arguments.
        prepend: see `add_hooks`.
    """
    handles: list[RemovableHandle] = []
    numbers = range(len(pairs))
    try:
        # Each one that is prepended comes before those prepended so far, so the last has to go first.
        for n in reversed(numbers) if prepend else numbers:
            module, hook = pairs[n]
            register = module.register_forward_pre_hook if n < n_pre_hooks else module.register_forward_hook
            handles.append(register(hook, with_kwargs=with_kwargs[n], prepend=prepend))
        yield
    finally:
        for handle in reversed(handles):
            handle.remove()
        if len(handles) < len(pairs):
            # Registering was cut short, and Ctrl-C can fall between a hook being on and its handle being
            # remembered. Each function is on one module only, so it can be found again by identity.
            for module, hook in pairs:
                _take_off(module, hook)


def _counted(hook: Hook, calls: HookCalls, number: int, kwargs: dict[str, Any]) -> Hook:
    """A new function that counts its calls and passes them on to `hook`."""
    bound = functools.partial(hook, **kwargs) if kwargs else hook
    counts, compiled = calls._counts, calls._compiled

    def run(*call: Any) -> Any:
        # A number that grows would have torch.compile trace the model anew in every call.
        if torch.compiler.is_compiling():
            compiled[number] = True
        else:
            counts[number] += 1
        return bound(*call)

    # Who looks into `module._forward_hooks` sees the hook's name; leftover_hooks reads `__wrapped__`.
    functools.update_wrapper(run, hook, assigned=("__name__", "__qualname__"), updated=())
    run.counted_in = calls, number  # type: ignore[attr-defined]
    return run


def wants_kwargs(hook: Hook) -> Hook:
    """Marks a hook that must see keyword arguments: `add_hooks` shows them to it with and without
    `with_kwargs=True`. A decorator; it returns the hook itself.
    """
    hook.with_kwargs = True  # type: ignore[attr-defined]
    return hook


def _wants_kwargs(hook: Hook) -> bool:
    return bool(getattr(hook, "with_kwargs", False))


def _take_off(module: nn.Module, hook: Hook) -> None:
    """Removes `hook` from `module` if it is on it; both kinds of hook, and PyTorch's notes about them."""
    for kind in ("_forward_pre_hooks", "_forward_hooks"):
        hooks = getattr(module, kind, {})
        for key in [key for key, registered in hooks.items() if registered is hook]:
            del hooks[key]
            for notes in (f"{kind}_with_kwargs", f"{kind}_always_called"):
                getattr(module, notes, {}).pop(key, None)


def _unfired_message(names: Mapping[str, int]) -> str:
    lines = [name if count == 1 else f"{name} ({count} times)" for name, count in names.items()]
    reasons = (
        "the model was not run inside the `with` block",
        "its forward pass does not call this module, or calls module.forward, which skips hooks",
        "the pass was stopped before it (get_residual_stream_at_layer does so unless stop_early=False)",
        "the hook is on another copy of the model than the one that ran",
        "the model was compiled with torch.compile before the hook was on (torch._dynamo.reset() has it "
        "traced again; with torch._dynamo.config.skip_nnmodule_hook_guards = False it looks for new hooks)",
    )
    return "these hooks never ran:\n  " + "\n  ".join(lines) + "\nUsual reasons: " + "; ".join(reasons) + "."
