"""Run a model under watch: record what its modules are called with and return, and leave it as it was.

`findings.py` and `sums.py` say what the records mean.
"""

import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import KEYWORD, read_input, read_output
from tutorial_lib.hooks import UnfiredHookWarning, add_hooks

HOOK_TABLES = (
    "_forward_pre_hooks",
    "_forward_pre_hooks_with_kwargs",
    "_forward_hooks",
    "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called",
    "_backward_hooks",
    "_backward_pre_hooks",
)
# The hook that transformers 5 puts on blocks at the first `output_hidden_states=True`, and leaves there.
RECORDER = "output_capturing_hook"
PARTS = "_modules"  # BigBird replaces its attention modules at the first short input


@dataclass(eq=False)
class Call:
    """One call of a module. Tensors are copies, taken when the call began and when it ended.

    Attributes:
        stream: the hidden state that it got, None if it got none.
        passed_as: where that was, "args[0]" or "hidden_states=".
        others: further inputs that could be streams: of its batch, sequence and width.
        output: the hidden state that it returned, None if it returned none.
        returns: the type that it returned: "tensor", "tuple", "list" or the name of a class.
        more: further outputs that could be streams.
        ended: a number that grows with every call of the run that ends; -1 if the call never ended.
    """

    module: nn.Module
    stream: Tensor | None
    passed_as: str
    others: list[Tensor]
    output: Tensor | None = None
    returns: str = ""
    more: list[Tensor] = field(default_factory=list)
    ended: int = -1


def record(modules: Iterable[nn.Module], run: Callable[[], Any]) -> tuple[list[Call], Any]:
    """The calls of `modules` during `run()`, in the order in which they began, and what `run` returned."""
    calls: list[Call] = []
    running: dict[int, list[Call]] = {}
    ends = iter(range(10**9))

    def begin(module: nn.Module, args: Any, kwargs: Any) -> None:
        stream = _attempt(read_input, args, kwargs)
        values = [*args[1:], *kwargs.values()] if args else [v for k, v in kwargs.items() if k != KEYWORD]
        call = Call(module, _copy(stream), "args[0]" if args else f"{KEYWORD}=", _alike(values, stream))
        calls.append(call)
        running.setdefault(id(module), []).append(call)

    def end(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        call, hidden = running[id(module)].pop(), _attempt(read_output, output)
        values = output.values() if isinstance(output, Mapping) else output
        call.output, call.returns, call.ended = _copy(hidden), _kind_of(output), next(ends)
        if isinstance(output, (tuple, list, Mapping)):
            call.more = _alike((value for value in values if value is not hidden), hidden)

    # A ModuleList in a list is no module that is called.
    containers = (nn.ModuleList, nn.ModuleDict)
    watched = list({id(module): module for module in modules if not isinstance(module, containers)}.values())
    with quiet_hooks([(module, begin) for module in watched], [(module, end) for module in watched]):
        result = run()
    return calls, result


@contextmanager
def quiet_hooks(pre_hooks: Any = (), forward_hooks: Any = ()) -> Iterator[None]:
    """`add_hooks` with keyword arguments, for modules of which some may never be called."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnfiredHookWarning)
        with add_hooks(pre_hooks, forward_hooks, with_kwargs=True):
            yield


@contextmanager
def left_as_it_was(model: nn.Module) -> Iterator[Callable[[], list[str]]]:
    """Evaluation mode and no gradients inside; afterwards hooks, modes and random numbers are as before.

    Yields:
        A function that names what differs now from what was there at the beginning. The hooks that
        transformers itself leaves for `output_hidden_states` do not count: they are taken off at the end.
    """
    before = [_State(module) for module in model.modules()]
    hooks, configs, python_state = _hooks(model), _configs(model), random.getstate()
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else ()

    def differences() -> list[str]:
        now = _hooks(model)
        found = [name for name in {**hooks, **now} if hooks.get(name, {}) != now.get(name, {})]
        return found + ([] if configs == _configs(model) else ["config"])

    try:
        with torch.random.fork_rng(devices), torch.no_grad():
            model.eval()
            yield differences
    finally:
        random.setstate(python_state)
        for state in before:
            state.restore()


class _State:
    """The hooks, parts and plain attributes of a module, such as its training mode."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.tables = {table: dict(getattr(module, table)) for table in (*HOOK_TABLES, PARTS)}
        self.names = set(vars(module))
        self.plain = {
            name: value
            for name, value in vars(module).items()
            if value is None or isinstance(value, (bool, int, float, str))
        }

    def restore(self) -> None:
        for table, entries in self.tables.items():
            current = getattr(self.module, table)
            if current != entries:
                current.clear()
                current.update(entries)
        now = vars(self.module)
        for name in set(now) - self.names:
            del now[name]  # such as the note of transformers that its recorders are installed
        now.update({name: value for name, value in self.plain.items() if now.get(name) is not value})


def _hooks(model: nn.Module) -> dict[str, dict[int, Any]]:
    """The tables of hooks that are not empty, by name, without the recorders of transformers."""
    found = {}
    for name, module in model.named_modules():
        recorders = {
            key for key, hook in module._forward_hooks.items() if getattr(hook, "__name__", "") == RECORDER
        }
        for table in HOOK_TABLES:
            hooks = {key: hook for key, hook in getattr(module, table).items() if key not in recorders}
            if hooks:
                found[f"{table} of {name or 'the model'}"] = hooks
    return found


def _configs(model: nn.Module) -> list[Any]:
    """The configs of the model as dicts."""
    found = {}
    for module in model.modules():
        for name in ("config", "generation_config"):
            config: Any = vars(module).get(name)
            if hasattr(config, "to_dict"):
                found[id(config)] = config.to_dict()
    return list(found.values())


def _attempt(read: Callable[..., Tensor], *call: Any) -> Tensor | None:
    try:
        return read(*call)
    except (TypeError, ValueError):  # no hidden state there
        return None


def _copy(tensor: Tensor | None) -> Tensor | None:
    # To the CPU: the blocks of one model may be on several devices.
    return None if tensor is None else tensor.detach().to("cpu", copy=True)


def _alike(values: Iterable[Any], stream: Tensor | None) -> list[Tensor]:
    return [
        value.detach().to("cpu", copy=True)
        for value in values
        if stream is not None
        and isinstance(value, Tensor)
        and value.is_floating_point()
        and value.ndim >= stream.ndim
        and value.shape[:2] == stream.shape[:2]
        and value.shape[-1] == stream.shape[-1]
    ]


def _kind_of(output: Any) -> str:
    if isinstance(output, Tensor):
        return "tensor"
    return type(output).__name__
