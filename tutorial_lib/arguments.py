"""What a caller may give: hooks, layers, positions, vectors, answers. One check and one wording for each."""

import functools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

Hook: TypeAlias = Callable[..., Any]
HookPair: TypeAlias = tuple[nn.Module, Hook]
Positions: TypeAlias = int | Sequence[int] | slice | Tensor


def check_layer(layer_idx: Any, n_layers: int, *, after_last_block: bool = False) -> int:
    """The layer as an int.

    Args:
        layer_idx: counted from 0; negative numbers are refused, as -1 could mean two things here.
        n_layers: the number of blocks of the model.
        after_last_block: also allow `n_layers`, the stream after the last block.

    Raises:
        TypeError: not a whole number (True and False are not layers either).
        ValueError: not a layer of the model.
    """
    last = n_layers if after_last_block else n_layers - 1
    try:
        layer = None if isinstance(layer_idx, bool) else operator.index(layer_idx)
    except TypeError:
        layer = None
    if layer is None:
        raise TypeError(f"a layer must be a whole number from 0 to {last}, got {_short(layer_idx)}")
    if not 0 <= layer <= last:
        raise ValueError(f"layer {layer} is out of range: the model has {n_layers} blocks, use 0 to {last}")
    return layer


def check_layers(layers: Any, n_layers: int, *, after_last_block: bool = False) -> list[int]:
    """Several layers as ints, each once, in the order given; raises as `check_layer` does.

    Raises:
        TypeError: one layer instead of several.
    """
    if isinstance(layers, str) or not isinstance(layers, Iterable):
        raise TypeError(f"layers must be several layers, such as [{layers!r}], got {layers!r}")
    checked = (check_layer(layer, n_layers, after_last_block=after_last_block) for layer in layers)
    return list(dict.fromkeys(checked))


def check_positions(positions: Any) -> Positions:
    """A private copy of `positions`, or a TypeError when they are not of a type that can name positions."""
    if isinstance(positions, slice):
        return positions
    if hasattr(positions, "prompt_mask"):  # by its attribute, since token selections are built on this file
        raise TypeError(
            "this function takes positions within one call, such as positions=-1, and no TokenSelection, "
            "which is for edits; of a stream [batch, seq, d_model] that was captured whole, "
            "stream[selection.prompt_mask] keeps the selected tokens"
        )
    if isinstance(positions, Tensor):
        if positions.ndim > 1 or positions.dtype == torch.bool or positions.is_floating_point():
            raise TypeError(
                "positions as a tensor must be whole numbers in one dimension, "
                f"got {positions.dtype} of shape {tuple(positions.shape)}"
            )
        positions = positions.tolist()
    if isinstance(positions, Sequence) and not isinstance(positions, str):
        return [_whole(position, "a position") for position in positions]
    return _whole(positions, "positions (an int, a list of ints, a slice or a 1-D tensor)")


def position_index(positions: Positions, seq_len: int) -> list[int] | slice:
    """Turns `positions` into an index for the seq dimension of a stream that keeps this dimension.

    Args:
        positions: an int, ints or a slice; negative numbers count from the end, as in Python.
        seq_len: the length of the stream in this very call.

    Raises:
        ValueError: a position outside the sequence; the message names it and the length.
    """
    if isinstance(positions, slice):
        return positions
    listed = [positions] if isinstance(positions, int) else [int(position) for position in positions]
    for position in listed:
        if not -seq_len <= position < seq_len:
            raise ValueError(
                f"position {position} is out of range: this call has {seq_len} tokens, so {-seq_len} to "
                f"{seq_len - 1} are allowed (in cached generation a call sees only the new tokens)"
            )
    return [position % seq_len for position in listed]


def index_in(stream: Tensor, positions: Positions) -> list[int] | slice:
    """`position_index` for the seq dimension of a stream `[batch, seq, d_model]`.

    Raises:
        ValueError: a position outside the sequence, or a stream of another form. Gemma 3n carries four
            streams as `[4, batch, seq, d_model]`: dimension 1 is the batch there, and an edit would go
            astray without a word.
    """
    if stream.ndim != 3:
        raise ValueError(
            f"positions need a stream [batch, seq, d_model], but this one has the shape {tuple(stream.shape)}"
        )
    return position_index(positions, stream.shape[1])


def checked_vector(vector: Any, what: str, d_model: int | None) -> Tensor:
    """The vector `[d_model]`, in floating point numbers, if it has a direction. Not a copy."""
    if not isinstance(vector, Tensor):
        raise TypeError(f"{what} must be a torch.Tensor [d_model], got {type(vector).__name__}")
    if vector.ndim != 1 or (d_model is not None and len(vector) != d_model):
        width = "d_model" if d_model is None else f"d_model = {d_model}"
        raise ValueError(f"{what} must have the shape [{width}], got {tuple(vector.shape)}")
    if not vector.is_floating_point():
        return checked_vector(vector.float(), what, d_model)
    # One number is read from the device. A norm can overflow where each element is finite.
    norm = float(torch.linalg.vector_norm(vector.detach()))
    if not math.isfinite(norm) and not torch.isfinite(vector).all():
        raise ValueError(
            f"{what} must be finite, got {int((~torch.isfinite(vector)).sum())} inf or nan elements"
        )
    if norm == 0:
        raise ValueError(f"{what} must have a norm above 0, got a vector of norm 0.0, which has no direction")
    return vector


def check_answers(answers: Any, others: Any) -> None:
    """Raises a ValueError unless both are ids `[batch]`, one answer and one other word for each row."""
    if answers.ndim != 1 or answers.shape != others.shape:
        raise ValueError(
            "answers and others must both have the shape [batch], "
            f"got {tuple(answers.shape)} and {tuple(others.shape)}"
        )


def _whole(value: Any, what: str) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{what} must be a whole number, got {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {value!r} ({type(value).__name__})") from None


def _short(value: Any) -> str:
    shape = getattr(value, "shape", ())
    return f"a {type(value).__name__} of shape {tuple(shape)}" if shape else repr(value)


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


def short_name(thing: Any) -> str:
    """A short name for a message: a function's own, a module's class, else the repr."""
    if isinstance(thing, nn.Module):
        return type(thing).__name__
    if isinstance(thing, functools.partial):
        return short_name(thing.func)
    return shortened(getattr(thing, "__qualname__", None) or repr(thing))


def shortened(name: str) -> str:
    name = name.rpartition("<locals>.")[2]
    return name if len(name) <= 80 else name[:77] + "..."
