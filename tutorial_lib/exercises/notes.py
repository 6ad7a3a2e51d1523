"""What an `observe.py` often notes of an answer: the hooks that are on a model, pairs for `add_hooks`."""

from typing import Any

from torch import nn

from tutorial_lib.leftovers import leftover_hooks


def hooks_on(model: nn.Module) -> list[str]:
    """Every hook on a model in words, but for those by which transformers records its hidden states."""
    return [str(hook) for hook in leftover_hooks(model) if hook.owner != "transformers"]


def as_pairs(value: Any) -> list[tuple[nn.Module, Any]] | None:
    """The (module, hook) pairs for `add_hooks` that a list or tuple holds; None if it is something else."""
    if not isinstance(value, (list, tuple)) or not value or not all(map(_is_pair, value)):
        return None
    return [(module, hook) for module, hook in value]


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == 2
        and isinstance(value[0], nn.Module)
        and callable(value[1])
    )
