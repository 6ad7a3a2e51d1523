"""What is hooked with what: (module, hook) pairs, and what is wrong with a list of them."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from torch import nn

from tutorial_lib.hook_calls import short_name

Hook: TypeAlias = Callable[..., Any]
HookPair: TypeAlias = tuple[nn.Module, Hook]


def checked_pairs(pairs: Iterable[HookPair], argument: str) -> list[HookPair]:
    """The pairs as a list, each of them a module that can be called and a hook."""
    right = f"{argument} takes a list of (module, hook) pairs"
    if isinstance(pairs, Mapping):
        raise TypeError(f"{right}, but got a {type(pairs).__name__}; pass list(the_dict.items())")
    if isinstance(pairs, (nn.Module, str)) or not isinstance(pairs, Iterable):
        raise TypeError(f"{right}, but got {short_name(pairs)} ({type(pairs).__name__})")
    listed = list(pairs)
    if len(listed) == 2 and isinstance(listed[0], nn.Module) and not isinstance(listed[1], (tuple, list)):
        raise TypeError(
            f"{right}, but got one bare pair; write [({short_name(listed[0])}, {short_name(listed[1])})]"
        )
    if listed and all(isinstance(each, list) for each in listed):
        raise TypeError(
            f"{right}, but got {len(listed)} lists of them; where a function returns pre-hooks and forward "
            "hooks, such as ablate_direction_everywhere, unpack the two: add_hooks(*pairs)"
        )
    for position, pair in enumerate(listed):
        _check_pair(pair, argument, position)
    return [(module, hook) for module, hook in listed]


def _check_pair(pair: Any, argument: str, position: int) -> None:
    right = isinstance(pair, (tuple, list)) and len(pair) == 2
    if right and isinstance(pair[0], nn.Module) and callable(pair[1]) and not _only_holds(pair[0]):
        return
    where = f"{argument}[{position}]"
    if not right:
        raise TypeError(
            f"{where} must be a (module, hook) pair, got {short_name(pair)} ({type(pair).__name__})"
        )
    module, hook = pair
    if not isinstance(module, nn.Module):
        swapped = "; the two are swapped: the module comes first" if isinstance(hook, nn.Module) else ""
        raise TypeError(f"{where} must start with an nn.Module, got {short_name(module)}{swapped}")
    if not callable(hook):
        raise TypeError(
            f"{where} needs a function to call as the hook on {short_name(module)}, got {short_name(hook)}"
        )
    elements = "container" if isinstance(module, nn.ModuleList) else "container.values()"
    raise ValueError(
        f"{where} hooks a {type(module).__name__}, which only holds modules and is never called itself; "
        f"hook its elements: [(module, {short_name(hook)}) for module in {elements}]"
    )


def _only_holds(module: nn.Module) -> bool:
    return type(module).forward is nn.Module.forward and isinstance(module, (nn.ModuleList, nn.ModuleDict))
