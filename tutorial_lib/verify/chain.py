"""Whether a list of modules was called as a chain, and what `hidden_states` shows of it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.verify.recording import Call


@dataclass(frozen=True, eq=False)
class Chain:
    """How the elements of a list were called in one forward pass.

    Attributes:
        calls: the calls, in order.
        trouble: why they are no chain, in which each gets what the one before returned; empty if they are.
        cycles: how many times the pass went through the list.
        second: whether a second tensor that could be a stream is handed on beside the first.
        remark: what else there is to say.
    """

    calls: list[Call]
    trouble: str
    cycles: int
    second: bool
    remark: str


def chain_of(elements: list[nn.Module], calls: list[Call]) -> Chain:
    """Looks for a chain in the calls of `elements`."""
    place = {id(module): index for index, module in enumerate(elements)}
    ours = [call for call in calls if id(call.module) in place]
    order = [place[id(call.module)] for call in ours]
    starts = [i for i, index in enumerate(order) if i == 0 or index <= order[i - 1]]
    cycles = [order[a:b] for a, b in zip(starts, [*starts[1:], len(order)], strict=False)]
    trouble, remark, second = "", "", False
    if not ours:
        trouble = "hooks on them never run: the model does not call them, or calls their forward directly"
    elif any(cycle != cycles[0] for cycle in cycles) or (
        len(cycles) > 1 and len(cycles[0]) == 1 < len(elements)
    ):
        trouble = f"they are not called one after the other but as {_short(order)}"
    else:
        for i in range(len(ours) - 1):
            one, two = ours[i], ours[i + 1]
            if i + 1 in starts:
                continue
            if not _same(one.output, two.stream):
                trouble = f"block {order[i + 1]} does not get what block {order[i]} returned"
                break
            # Inkling 2 hands every block the states of the blocks before it, with one dimension more.
            deeper = any(two.stream is not None and other.ndim > two.stream.ndim for other in two.others)
            second = second or deeper or any(_same(a, b) for a in one.more for b in two.others)
        unused = sorted(set(range(len(elements))) - set(order))
        remark += f"; {len(cycles)} times in one pass" if len(cycles) > 1 else ""
        remark += f"; not called on text alone: {_short(unused)}" if unused else ""
    if len(set(order)) == len(order):
        ours = sorted(ours, key=lambda call: place[id(call.module)])
    return Chain(ours, trouble, len(cycles), second, remark)


def last_chain(chains: dict[str, Chain]) -> str | None:
    """The name of the list that is a chain and ends last, which is the one that the model's end reads."""
    real = {
        name: chain
        for name, chain in chains.items()
        if not chain.trouble and chain.calls[-1].stream is not None and chain.calls[-1].stream.ndim >= 3
    }
    return max(real, key=lambda name: real[name].calls[-1].ended, default=None)


def state_meaning(states: list[Tensor], chain: Chain, other_lists: bool) -> tuple[bool | None, str]:
    """What `hidden_states[i]` is, found by value.

    Returns:
        True if it is the input of block i, None if it is something else that can be named, else False, and
        the answer in words.
    """
    if not states:
        return None, "the model gives no hidden_states"
    inputs, outputs = [call.stream for call in chain.calls], [call.output for call in chain.calls]
    if _all_same(inputs, states):
        extra = "" if len(states) == len(inputs) + 1 else f"; there are {len(states)} entries"
        return True, f"bit for bit at all {len(inputs)} blocks{extra}"
    if _all_same(outputs, states):
        return None, "hidden_states[i] is the output of block i"
    if _all_same([_turned(stream) for stream in inputs], states):
        return None, "hidden_states[i] is the input of block i with batch and seq exchanged"
    length = states[0].shape[1] if states[0].ndim == 3 else 0
    if _all_same([_part(stream, slice(-length, None)) for stream in inputs], states):
        return None, "hidden_states[i] is the end of the input of block i, which has more before the tokens"
    if _all_same([_part(stream, slice(length)) for stream in inputs], states):
        return (
            None,
            "hidden_states[i] is the beginning of the input of block i, which carries further streams",
        )
    places = [next((j for j, state in enumerate(states) if _same(stream, state)), None) for stream in inputs]
    if other_lists and inputs and None not in places:
        return None, f"hidden_states also shows other blocks; the inputs are its entries {_short(places)}"
    # The last output may be shown after the final norm only.
    ends = outputs[:-1] or outputs
    places = [next((j for j, state in enumerate(states) if _same(end, state)), None) for end in ends]
    if other_lists and None not in places:
        return (
            None,
            f"hidden_states shows other blocks too; the outputs of these are entries {_short(places)}",
        )
    wrong = next((i for i, (s, h) in enumerate(zip(inputs, states, strict=False)) if not _same(s, h)), 0)
    return False, f"the input of block {wrong} is not hidden_states[{wrong}] ({len(states)} entries)"


def _all_same(streams: list[Tensor | None], states: list[Tensor]) -> bool:
    return 0 < len(streams) <= len(states) and all(
        _same(stream, state) for stream, state in zip(streams, states, strict=False)
    )


def _turned(stream: Tensor | None) -> Tensor | None:
    return stream.transpose(0, 1) if stream is not None and stream.ndim == 3 else None


def _part(stream: Tensor | None, where: slice) -> Tensor | None:
    return stream[:, where] if stream is not None and stream.ndim == 3 else None


def _same(one: Tensor | None, other: Any) -> bool:
    return (
        isinstance(one, Tensor)
        and isinstance(other, Tensor)
        and one.shape == other.shape
        and torch.equal(one, other)
    )


def _short(numbers: Any) -> str:
    listed = [str(number) for number in numbers]
    return ", ".join(listed if len(listed) <= 8 else [*listed[:7], "..."])
