"""What is on a model besides the model: every hook and every replaced `forward`, and whose it is.

Never clear `_forward_hooks` to get rid of a hook. transformers 5 records `output_hidden_states` with forward
hooks that it puts on once and expects to be there for good: without them `hidden_states` is an empty tuple,
with no message. accelerate brings weights to a device in a replaced `forward`. Remove what is yours.
"""

import functools
import gc
import inspect
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Literal, TypeAlias

from torch import nn
from torch.nn.modules import module as torch_module
from torch.utils.hooks import RemovableHandle

from tutorial_lib.compiled import is_compiled

Kind: TypeAlias = Literal[
    "pre-hook", "forward hook", "backward pre-hook", "backward hook", "replaced forward", "compiled"
]
Owner: TypeAlias = Literal[
    "user", "copy", "unknown", "tutorial_lib", "transformers", "accelerate", "peft", "torch"
]

TABLES: dict[str, Kind] = {
    "_forward_pre_hooks": "pre-hook",
    "_forward_hooks": "forward hook",
    "_backward_pre_hooks": "backward pre-hook",
    "_backward_hooks": "backward hook",
}
NOTES = ("with_kwargs", "always_called")
LIBRARIES: tuple[Owner, ...] = ("transformers", "accelerate", "peft", "torch")
WHOSE: dict[Owner, str] = {
    "user": "the user's, its handle exists",
    "copy": "came along with a copy of the model",
    "unknown": "nobody's: its handle is lost, or it came along with a copy",
    "tutorial_lib": "of an add_hooks block or a capture that is still running",
    "transformers": "transformers' own",
    "accelerate": "accelerate's own",
    "peft": "PEFT's own",
    "torch": "PyTorch's own",
}


@dataclass(frozen=True)
class LeftoverHook:
    """One thing that runs when a module is called, besides its own `forward`.

    Attributes:
        path: the module's name in the model, "" for the model itself.
        module_class: its class; "every module" for a hook that PyTorch runs on all of them.
        kind: the sort of hook; "replaced forward" where the module has a `forward` of its own in the place of
            its class's (accelerate does that), "compiled" where torch.compile stands before it.
        name: the name of the function, or the class of the object that is called.
        owner: whose it is.

            - `"user"`: whoever registered it still holds its handle.
            - `"copy"`: it was not registered here but came along with `copy.deepcopy`.
            - `"unknown"`: registered by code that did not keep the handle, or come along with a copy whose
              original's handle is gone. PyTorch keeps nothing that tells these apart.
            - `"tutorial_lib"`: of an `add_hooks` block that is still running.
            - `"transformers"`, `"accelerate"`, `"peft"`, `"torch"`: defined in that library.
        where: "file:line" of the function's definition, None where Python does not know it.
    """

    path: str
    module_class: str
    kind: Kind
    name: str
    owner: Owner
    where: str | None
    _module: "weakref.ref[Any] | None" = field(default=None, repr=False, compare=False)
    _place: tuple[str, int] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        where = ""
        if self.where is not None:
            file, _, line = self.where.rpartition(":")
            where = f" ({PurePath(file).name}:{line})"
        module = f"{self.path} {self.module_class}".strip()
        return f"{module}: {self.kind} {self.name}{where}, {WHOSE[self.owner]}"

    def remove(self) -> None:
        """Takes this one hook off, as its handle would; nothing happens if it is off already.

        Raises:
            ValueError: it belongs to a library or to an `add_hooks` block that is still running.
        """
        if self.owner not in ("user", "copy", "unknown") or self._place is None:
            raise ValueError(f"this is not left over, something relies on it: {self}")
        module = None if self._module is None else self._module()
        if module is None:
            return
        table, key = self._place
        # PyTorch gives each number once, so under this key there is this hook or none.
        getattr(module, table).pop(key, None)
        for note in NOTES:
            getattr(module, f"{table}_{note}", {}).pop(key, None)


def leftover_hooks(model: nn.Module) -> list[LeftoverHook]:
    """What is on a model: its hooks, replaced forwards and compiled parts, each with its owner.

        print(*leftover_hooks(model), sep="\\n")
        for hook in leftover_hooks(model):
            if hook.owner in ("user", "unknown"):
                hook.remove()

    Hooks on tensors (`Tensor.register_hook`) and those that act on state dicts are not among them.

    Args:
        model: any module. It is only looked at.

    Returns:
        In the order of `model.named_modules()`, for each module in the order in which they run. Hooks that
        PyTorch runs on every module come first.
    """
    found: list[LeftoverHook] = []
    handles = _Handles()
    for table, kind in TABLES.items():
        for hook in getattr(torch_module, f"_global{table}").values():
            owner = _library(hook) or "unknown"
            found.append(LeftoverHook("", "every module", kind, _name(hook), owner, _where(hook)))
    for path, module in model.named_modules():
        named = path, type(module).__name__
        found += _replaced(module, path)
        for table, kind in TABLES.items():
            hooks = getattr(module, table)
            for key, hook in hooks.items():
                owner = _owner(hook, module, hooks, key, handles)
                place = weakref.ref(module), (table, key)
                found.append(LeftoverHook(*named, kind, _name(hook), owner, _where(hook), *place))
    return found


def _replaced(module: nn.Module, path: str) -> Iterator[LeftoverHook]:
    """What stands before a module's forward without being a hook of PyTorch."""
    named = path, type(module).__name__
    own = vars(module)
    if is_compiled(module):
        yield LeftoverHook(*named, "compiled", "torch.compile", "torch", None)
    elif "_hf_hook" in own:
        yield LeftoverHook(*named, "replaced forward", type(own["_hf_hook"]).__name__, "accelerate", None)
    elif "forward" in own and getattr(own["forward"], "__func__", None) is not type(module).forward:
        # The wrapper, not what it wraps: that is the class's own forward.
        forward = own["forward"]
        name, owner = _name(forward, unwrap=False), _library(forward, unwrap=False) or "unknown"
        yield LeftoverHook(*named, "replaced forward", name, owner, _where(forward, unwrap=False))


class _Handles:
    """The handles of PyTorch hooks that somebody still holds, looked for when first asked."""

    def __init__(self) -> None:
        self._tables: dict[int, list[Any]] | None = None

    def tables(self, key: int) -> list[Any]:
        """The tables that the living handles of this number belong to."""
        if self._tables is None:
            self._tables = {}
            for thing in gc.get_objects():
                if type(thing) is RemovableHandle:
                    self._tables.setdefault(thing.id, []).append(thing.hooks_dict_ref())
        return self._tables.get(key, [])


def _owner(hook: Any, module: nn.Module, table: Any, key: int, handles: _Handles) -> Owner:
    counted_in = getattr(hook, "counted_in", None)
    if counted_in is not None:  # made by add_hooks, which knows where it was put
        calls, number = counted_in
        return "tutorial_lib" if calls.active and calls.module_of(number) is module else "copy"
    if getattr(hook, "__module__", "") == "tutorial_lib.capture":  # on while a capture runs, and not counted
        return "tutorial_lib"
    library = _library(hook)
    if library is not None:
        return library
    # A number is given once and a copy of a table keeps it, so a handle of this number that belongs to
    # another table is the original's. A handle outlives its `remove()`.
    owners = handles.tables(key)
    if any(owner is table for owner in owners):
        return "user"
    return "copy" if owners else "unknown"


def _function(hook: Any, unwrap: bool = True) -> Callable[..., Any]:
    """The function in which a hook is written: of a partial, a bound method, a decorated one, an object."""
    while isinstance(hook, functools.partial):
        hook = hook.func
    if not inspect.isroutine(hook) and not inspect.isclass(hook):
        hook = type(hook).__call__
    function: Callable[..., Any] = getattr(hook, "__func__", hook)
    return inspect.unwrap(function) if unwrap else function


def _library(hook: Any, unwrap: bool = True) -> Owner | None:
    module = getattr(_function(hook, unwrap), "__globals__", {}).get("__name__", "")
    root = module.partition(".")[0]
    return next((library for library in LIBRARIES if library == root), None)


def _where(hook: Any, unwrap: bool = True) -> str | None:
    code = getattr(_function(hook, unwrap), "__code__", None)
    return None if code is None else f"{code.co_filename}:{code.co_firstlineno}"


def _name(hook: Any, unwrap: bool = True) -> str:
    while isinstance(hook, functools.partial):
        hook = hook.func
    if not inspect.isroutine(hook):
        return type(hook).__name__
    function = getattr(hook, "__func__", hook)
    code = getattr(function, "__code__", None)
    # A decorated function bears the name of the function inside; its code bears its own.
    return str(function.__name__ if unwrap or code is None else code.co_name)
