"""Edit the residual stream: pre-hooks on blocks that add a vector, remove a direction, change positions.

Each function checks what it can when it is called and gives pairs (or a hook) for `add_hooks`:

    with add_hooks(add_vector_to_residual_stream(model, 2, vector)):
        model.generate(**batch)

`positions` are of two kinds. An int, ints, a slice or a tensor are counted within each call of the model: in
cached generation a call sees only the new tokens, so -1 is the end of the prompt first and then every new
token. A `TokenSelection` names tokens of the text, whatever call computes them.

No hook edits in place. The stream keeps its dtype and device; vectors are copied when the hook is made.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_input, replace_input
from tutorial_lib.architecture.stream import UnaddressableStreamError, stream_of
from tutorial_lib.arguments import Positions, check_positions, checked_vector, index_in
from tutorial_lib.hooks import Hook, HookPair
from tutorial_lib.tokens.edit import Edit, block_edits, checked_edit
from tutorial_lib.tokens.selection import TokenSelection


def edit_residual_stream(
    model: nn.Module,
    layer_idx: int,
    edit: Edit,
    positions: Positions | TokenSelection | None = None,
) -> list[HookPair]:
    """Any edit of the stream that a block receives, at every token or at some.

        with add_hooks(edit_residual_stream(model, 2, torch.zeros_like, positions=select_last(batch))):
            model.generate(**batch)

    Args:
        model: a decoder language model of transformers.
        layer_idx: the block, 0 to n_layers - 1.
        edit: gets a copy of the stream, which it may change, and returns as much: `[batch, seq, d_model]`
            without positions; with them `[n_tokens, d_model]`, the chosen tokens of the call, row after row.
            It is not called where a call has none of them.
        positions: a `TokenSelection`; or an int, ints, a slice or a 1-D tensor, counted within each call.

    Returns:
        One (block, pre-hook) pair for `add_hooks`; with a selection, one for the decoder before it.

    Raises:
        ValueError: a layer that does not exist; a selection for a model that cannot tell which tokens a call
            has; and when the hook runs, a position outside the sequence of that call, another batch than the
            selection was made for, an edit that returns another shape.
        UnaddressableStreamError: the stream of the model is no single `[batch, seq, d_model]`.
        TypeError: an argument of a wrong type.
    """
    if not callable(edit):
        raise TypeError(f"edit must be a function of the stream, got {type(edit).__name__}")

    def edit_a_copy(stream: Tensor) -> Tensor:
        return edit(stream.clone())

    change = edit_a_copy if positions is None else edit  # with positions it gets a copy in any case
    return block_edits(stream_of(model), [layer_idx], "edit", read_input, change, positions)


def add_vector_to_residual_stream(
    model: nn.Module,
    layer_idx: int,
    vector: Tensor,
    positions: Positions | TokenSelection | None = None,
    *,
    scale: float = 1.0,
) -> list[HookPair]:
    """Steering: a hook that adds `scale * vector` to the stream that a block receives.

    Activation addition is due to Turner et al., 2023 (https://arxiv.org/abs/2308.10248).

    Args:
        model: a decoder language model of transformers.
        layer_idx: the block, 0 to n_layers - 1.
        vector: `[d_model]`. Gradients flow to it, so that it can be trained.
        positions: every token if None. A `TokenSelection` touches the tokens of the text that it names. An
            int, ints, a slice or a 1-D tensor are counted within each call, negative ones from its end, and
            in cached generation a call sees only the new tokens.
        scale: a factor, also negative.

    Returns:
        One (block, pre-hook) pair for `add_hooks`; with a selection, one for the decoder before it.

    Raises:
        ValueError: a layer that does not exist; a vector of another shape, of norm zero or not finite; and
            when the hook runs, a position outside the sequence of that call, or another batch than the
            selection was made for.
        UnaddressableStreamError: the stream of the model is no single `[batch, seq, d_model]`; where only
            a call can show it, when the hook runs.
        TypeError: an argument of a wrong type.
    """
    place = stream_of(model)
    layer = place.layer(layer_idx)
    place.check_addressable()
    if not math.isfinite(scale):
        raise ValueError(f"scale must be a finite number, got {scale}")
    # The product is a new tensor: what the caller does to `vector` later does not reach the hook.
    added = scale * checked_vector(vector, "vector", place.width)
    width = len(added)

    def read(args: Any, kwargs: Any) -> Tensor:
        return _stream_of_width(args, kwargs, width)

    def add_vector(stream: Tensor) -> Tensor:
        return stream + added.to(stream)  # a float32 vector would turn a bfloat16 stream into float32

    return block_edits(place, [layer], "add_vector", read, add_vector, positions)


def ablate_direction_from_residual(
    model: nn.Module,
    direction: Tensor,
    layers: Iterable[int] | None = None,
    *,
    positions: Positions | TokenSelection | None = None,
) -> list[HookPair]:
    """Directional ablation: hooks that remove one direction from the stream that blocks receive.

    Each position x of the stream becomes x - (x . u) u, u being the direction at length one. Attention and
    MLP can write the direction back inside a block, and what the last block writes is not cleaned. The method
    of Arditi et al., 2024 (https://arxiv.org/abs/2406.11717) projects it out of every write to the stream.

    Args:
        model: a decoder language model of transformers.
        direction: `[d_model]`, of any length but zero.
        layers: the blocks whose input is cleaned, all if None.
        positions: as in `add_vector_to_residual_stream`; every token if None.

    Returns:
        One (block, pre-hook) pair for each layer, for `add_hooks`; with a selection, one for the decoder
        before them.

    Raises:
        ValueError: a layer that does not exist; a direction of another shape, of norm zero or not finite.
        UnaddressableStreamError: as for `add_vector_to_residual_stream`.
        TypeError: an argument of a wrong type.
    """
    place = stream_of(model)
    wanted = place.layers(layers)
    place.check_addressable()
    unit = unit_vector(direction, place.width)
    width = len(unit)

    def read(args: Any, kwargs: Any) -> Tensor:
        return _stream_of_width(args, kwargs, width)

    def remove_direction(stream: Tensor) -> Tensor:
        return without_direction(stream, unit)

    return block_edits(place, wanted, "remove_direction", read, remove_direction, positions)


def unit_vector(direction: Any, d_model: int | None) -> Tensor:
    """A direction `[d_model]` at length one, in float32 or better; raises as `checked_vector` does."""
    vector = checked_vector(direction, "direction", d_model)
    precise = vector.to(torch.promote_types(vector.dtype, torch.float32))
    # The squares of large numbers overflow, and dividing by inf leaves 0; a power of two changes no digit.
    power = torch.ldexp(precise.new_ones(()), -torch.frexp(precise.detach().abs().max()).exponent)
    scaled = precise * power
    unit: Tensor = scaled / torch.linalg.vector_norm(scaled)
    return unit


def without_direction(stream: Tensor, unit: Tensor) -> Tensor:
    """The stream `[..., d_model]` without its part along `unit` `[d_model]`.

    Computed in float32 or better: in bfloat16 the dot product would leave a percent of the direction behind.
    """
    precise = stream.to(torch.promote_types(stream.dtype, torch.float32))
    along = unit.to(precise)
    return (precise - (precise @ along).unsqueeze(-1) * along).to(stream.dtype)


def amplify(stream: Tensor) -> Tensor:
    """The default edit of `position_aware_residual_hook`: 1.5 times the stream `[n_positions, d_model]`."""
    return stream * 1.5


def position_aware_residual_hook(
    positions_by_batch: Iterable[Positions], *, edit: Edit | None = None
) -> Hook:
    """A pre-hook for a block that edits other positions in each row of the batch.

    Args:
        positions_by_batch: for each row an int, ints, a slice or a 1-D tensor; an empty list edits nothing.
        edit: gets the stream at the positions of one row, `[n_positions, d_model]`, a copy that it may
            change, and returns as much. The default is `amplify`, 1.5 times the stream.

    Returns:
        A pre-hook, to be paired with the block that it is for.

    Raises:
        TypeError: positions of a wrong type.
        ValueError: when the hook runs: another number of rows, a position outside the sequence of that call,
            an edit that returns another shape.
    """
    if not isinstance(positions_by_batch, Iterable) or isinstance(positions_by_batch, (dict, str)):
        raise TypeError(
            f"positions_by_batch must be a list with the positions of each row, got {positions_by_batch!r}"
        )
    rows = [check_positions(positions) for positions in positions_by_batch]
    change = amplify if edit is None else edit

    def edit_positions(module: nn.Module, args: Any, kwargs: Any = None) -> Any:
        stream = read_input(args, kwargs)
        index_in(stream, [])  # a stream of another form has no rows to count
        if stream.shape[0] != len(rows):
            raise ValueError(
                f"positions were given for {len(rows)} rows, but this call has {stream.shape[0]} "
                "(beam search and several return sequences multiply the rows of a batch)"
            )
        edited = stream.clone()  # our own copy, so assigning into it edits nothing of the model's
        for row, positions in enumerate(rows):
            index = index_in(stream, positions)
            before = stream[row, index].clone()
            if len(before) > 0:
                edited[row, index] = checked_edit(change, before).to(stream)
        return replace_input(args, kwargs, edited)

    return edit_positions


def _stream_of_width(args: Any, kwargs: Any, width: int) -> Tensor:
    stream = read_input(args, kwargs)
    if stream.ndim != 3:
        raise UnaddressableStreamError(
            "vectors and positions need a stream [batch, seq, d_model], but this one has the shape "
            f"{tuple(stream.shape)}: the model carries several streams side by side"
        )
    if stream.shape[-1] != width:
        raise ValueError(f"the stream of this call is {stream.shape[-1]} wide, but the vector {width}")
    return stream
