"""Read and replace the hidden state in what a module is called with, and in what it returns.

A transformer block gets its hidden state `[batch, seq, d_model]` as the first positional argument, an
attention or MLP module often as the keyword `hidden_states`. A block returns a tensor in most models, a
tuple or a list in others. These functions accept all of these and never edit in place: a replacement is
a new tuple, list or dict, in which everything else is what it was.
"""

import copy
from collections.abc import Mapping
from typing import Any

from torch import Tensor

KEYWORD = "hidden_states"
OUTPUT_KEYS = ("last_hidden_state", "hidden_states")


def read_input(args: Any, kwargs: Mapping[str, Any] | None = None) -> Tensor:
    """The hidden state among the arguments of a call, as a pre-hook sees them.

    Args:
        args: the positional arguments, a tuple (a bare tensor is taken as the hidden state itself).
        kwargs: the keyword arguments, None for a hook that is on without `with_kwargs=True`.

    Returns:
        The hidden state `[batch, seq, d_model]`, the very object that the module gets.

    Raises:
        TypeError: what stands in the hidden state's place is not a tensor of floating point numbers.
        ValueError: there is none; the message says what was found.
    """
    if isinstance(args, Tensor):
        return _floating(args, "the input")
    if len(args) > 0:
        return _floating(args[0], "the first positional argument")
    if kwargs is None:
        raise ValueError(
            "the module was called without positional arguments, so its hidden state is among the keyword "
            "arguments, which this hook does not see; use add_hooks(..., with_kwargs=True)"
        )
    if KEYWORD not in kwargs:
        raise ValueError(f"no hidden state: no positional argument and no {KEYWORD!r} among {sorted(kwargs)}")
    return _floating(kwargs[KEYWORD], f"the keyword argument {KEYWORD!r}")


def replace_input(args: Any, kwargs: Mapping[str, Any] | None, hidden: Tensor) -> Any:
    """What a pre-hook returns so that its module gets `hidden` and otherwise what it would have got.

    Returning `hidden` alone would drop the other positional arguments, the mask and the cache with them.

    Args:
        args: as the hook got them.
        kwargs: as the hook got them, None without `with_kwargs=True`.
        hidden: the new hidden state `[batch, seq, d_model]`.

    Returns:
        The new `args` if `kwargs` is None, else `(args, kwargs)`.

    Raises:
        TypeError: `kwargs` is no dict, or as for `read_input`.
        ValueError: as for `read_input`.
    """
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise TypeError(
            "replace_input takes (args, kwargs, hidden): kwargs must be a dict or None, "
            f"got {type(kwargs).__name__}"
        )
    read_input(args, kwargs)  # raises where there is nothing to replace
    if isinstance(args, Tensor):
        return hidden if kwargs is None else (hidden, dict(kwargs))
    if kwargs is None:
        return (hidden, *args[1:])
    if len(args) > 0:
        return (hidden, *args[1:]), dict(kwargs)
    return (), {**kwargs, KEYWORD: hidden}


def read_output(output: Any) -> Tensor:
    """The hidden state in what a module returned.

    Args:
        output: a tensor, a tuple or list that starts with one, or a dict or `ModelOutput` that has
            `last_hidden_state` or `hidden_states`.

    Returns:
        The hidden state `[batch, seq, d_model]`, the very object in the output.

    Raises:
        TypeError: the output is of another type, or its hidden state is not a floating point tensor.
        ValueError: the output is empty or has no such key; the message says what was found.
    """
    if isinstance(output, Tensor):
        return _floating(output, "the output")
    if isinstance(output, Mapping):
        key = _output_key(output)
        return _floating(output[key], f"the output's {key!r}")
    if isinstance(output, (tuple, list)):
        if not output:
            raise ValueError(f"no hidden state: the output is an empty {type(output).__name__}")
        return _floating(output[0], f"the first element of the output {type(output).__name__}")
    raise TypeError(f"the output must be a tensor, tuple, list or ModelOutput, got {type(output).__name__}")


def replace_output(output: Any, hidden: Tensor) -> Any:
    """What a forward hook returns to put `hidden` `[batch, seq, d_model]` in the place of the hidden state.

    Args:
        output: as the hook got it.
        hidden: the new hidden state.

    Returns:
        A new output of the type of `output`: a tensor for a tensor, a tuple for a tuple, a list for a list.

    Raises:
        TypeError, ValueError: as for `read_output`.
    """
    read_output(output)  # raises where there is nothing to replace
    if isinstance(output, Tensor):
        return hidden
    if isinstance(output, Mapping):
        changed: Any = copy.copy(output)
        changed[_output_key(output)] = hidden
        return changed
    items = [hidden, *output[1:]]
    return output._make(items) if hasattr(output, "_make") else type(output)(items)


def _output_key(output: Mapping[str, Any]) -> str:
    for key in OUTPUT_KEYS:
        if key in output:
            return key
    raise ValueError(f"no hidden state: the output has {list(output)}, and none of {list(OUTPUT_KEYS)}")


def _floating(value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise TypeError(f"{what} must be the hidden state, a tensor, got {type(value).__name__}")
    if not value.is_floating_point():
        raise TypeError(
            f"{what} must be a hidden state of floating point numbers, got {value.dtype} of shape "
            f"{tuple(value.shape)}, which looks like token ids: is the hook on the right module?"
        )
    return value
