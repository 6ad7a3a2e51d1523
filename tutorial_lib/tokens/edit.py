"""From a function of tokens to pre-hooks on blocks that apply it, at every token or at some.

The interventions are made of these. `edit` is a function from a part of the stream `[..., d_model]` to as
much; it must not change what it gets, unless it got a copy.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from tutorial_lib.activations import replace_input
from tutorial_lib.architecture.stream import Stream
from tutorial_lib.arguments import Positions, check_positions, index_in
from tutorial_lib.hooks import HookPair
from tutorial_lib.tokens.selection import TokenSelection
from tutorial_lib.tokens.tracking import TokenTracker

Edit: TypeAlias = Callable[[Tensor], Tensor]


def block_edits(
    stream: Stream,
    layers: Iterable[int],
    name: str,
    read: Callable[[Any, Any], Tensor],
    edit: Edit,
    positions: Positions | TokenSelection | None,
) -> list[HookPair]:
    """The pairs of an edit at the inputs of blocks. `read` finds the stream in a call and checks it.

    Raises:
        UnaddressableStreamError: an edit would change the wrong values in this model.
    """
    stream.check_addressable()
    blocks = list(stream.blocks)  # indexing an nn.ModuleList is slow
    chosen = [blocks[layer] for layer in stream.layers(layers)]
    pairs, find = ([], None) if positions is None else locate(stream, positions)

    def edit_stream(module: nn.Module, args: Any, kwargs: Any = None) -> Any:
        found = read(args, kwargs)
        if find is None:
            return replace_input(args, kwargs, checked_edit(edit, found).to(found))
        mask = find(found)
        return None if mask is None else replace_input(args, kwargs, edit_at(found, mask, edit))

    edit_stream.__qualname__ = edit_stream.__name__ = name  # what messages about the hook call it
    return pairs + [(block, edit_stream) for block in chosen]


def locate(
    stream: Stream, positions: Positions | TokenSelection
) -> tuple[list[HookPair], Callable[[Tensor], Tensor | None]]:
    """How an edit finds its tokens in each call.

    Returns:
        The pre-hook pairs to put on before the edits, none for positions that are counted within each call;
        and a function from a stream `[batch, seq, d_model]` to a mask `[batch, seq]` of the tokens to touch,
        or to None where there are none.
    """
    if isinstance(positions, TokenSelection):
        tracker = TokenTracker(stream, positions)
        return [tracker.pair()], tracker.touched
    where = check_positions(positions)

    def in_this_call(stream: Tensor) -> Tensor | None:
        index = index_in(stream, where)
        columns = range(stream.shape[1])[index] if isinstance(index, slice) else index
        if not columns:
            return None
        mask = torch.zeros(stream.shape[:2], dtype=torch.bool, device=stream.device)
        mask[:, list(columns)] = True
        return mask

    return [], in_this_call


def edit_at(stream: Tensor, mask: Tensor, edit: Edit) -> Tensor:
    """A copy of the stream `[batch, seq, d_model]` whose tokens in the mask `[batch, seq]` are edited."""
    edited = stream.clone()  # our own copy, so assigning into it edits nothing of the model's
    edited[mask] = checked_edit(edit, stream[mask]).to(stream)
    return edited


def checked_edit(edit: Edit, stream: Tensor) -> Tensor:
    """What the edit makes of the stream, a tensor of the same shape."""
    shape = stream.shape
    after = edit(stream)
    if not isinstance(after, Tensor) or after.shape != shape:
        found = tuple(after.shape) if isinstance(after, Tensor) else type(after).__name__
        raise ValueError(f"edit must return the shape that it got, {tuple(shape)}, but returned {found}")
    return after
