"""What an `observe.py` often notes of an answer: the hooks that are on a model, pairs for `add_hooks`."""

from typing import Any

from torch import nn

from tutorial_lib.leftovers import leftover_hooks


def hooks_on(model: nn.Module) -> list[str]:
    """Every hook on a model in words, but for those by which transformers records its hidden states."""
    hooks = [hook for hook in leftover_hooks(model) if hook.owner != "transformers"]
    return [f"{hook.path} {hook.module_class}: {hook.kind} {hook.name}".strip() for hook in hooks]


def as_pairs(value: Any) -> list[tuple[nn.Module, Any]] | None:
    """The (module, hook) pairs for `add_hooks` that a list or tuple holds; None if it is something else."""
    if not isinstance(value, (list, tuple)) or not value or not all(map(_is_pair, value)):
        return None
    return [(module, hook) for module, hook in value]


def form_of(value: Any) -> str:
    """What a value is made of, such as `"[(module, hook)]"`: lists, tuples and dicts down to two levels."""
    return _form(value, 2)


def _form(value: Any, levels: int) -> str:
    if isinstance(value, nn.ModuleList):
        return "ModuleList"
    if isinstance(value, nn.Module):
        return "module"
    if type(value) in (list, tuple):
        if levels == 0:
            return "..."
        inside = ", ".join(_form(part, levels - 1) for part in value[:4]) + (
            ", ..." if len(value) > 4 else ""
        )
        return f"[{inside}]" if type(value) is list else f"({inside}{',' if len(value) == 1 else ''})"
    if callable(value) and not isinstance(value, type):
        return "hook"
    return type(value).__name__ if value is not None else "None"


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and isinstance(value[0], nn.Module)
        and callable(value[1])
    )
