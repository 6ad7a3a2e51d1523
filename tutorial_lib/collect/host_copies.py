"""Bring rows from the device to the host while the device goes on."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

DEPTH = 2  # batches on their way: one is copied while the next is computed


@dataclass(frozen=True)
class _OnItsWay:
    copies: dict[int, Tensor]
    arrived: list[Any]
    done: Callable[[dict[int, Tensor]], None]


class HostCopies:
    """Gives rows to `done` when they are in host memory and have the wanted dtype.

    On a CPU that is at once. On CUDA the copy goes to pinned memory in a stream of its own, one for each
    device that rows come from, and `done` is called some batches later, so that neither waits for the other.
    The pinned buffers are used again once `done` has returned: it must copy what it keeps.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._on_their_way: deque[_OnItsWay] = deque()
        self._streams: dict[torch.device, Any] = {}
        self._free: list[dict[int, Tensor]] = []

    def send(self, rows: dict[int, Tensor], done: Callable[[dict[int, Tensor]], None]) -> None:
        """Args: rows: `[kept, d_model]` for each layer. done: gets them, on the host."""
        cast = {layer: tensor.to(self._dtype) for layer, tensor in rows.items()}
        if not any(tensor.is_cuda for tensor in cast.values()):
            done({layer: tensor.cpu() for layer, tensor in cast.items()})
            return
        if len(self._on_their_way) >= DEPTH:
            self._receive()
        buffers = self._free.pop() if self._free else {}
        copies = {layer: self._copy(tensor, layer, buffers) for layer, tensor in cast.items()}

        def done_and_free(found: dict[int, Tensor]) -> None:
            done(found)
            self._free.append(buffers)

        arrived = [stream.record_event() for stream in self._streams.values()]
        self._on_their_way.append(_OnItsWay(copies, arrived, done_and_free))

    def flush(self) -> None:
        """Waits for all that is on its way."""
        while self._on_their_way:
            self._receive()

    def _copy(self, tensor: Tensor, layer: int, buffers: dict[int, Tensor]) -> Tensor:
        """A copy in pinned memory, which is filled when the stream of the tensor's device has come to it."""
        if not tensor.is_cuda:  # a model that is spread over devices has some of its blocks on the CPU
            return tensor.cpu()
        if tensor.device not in self._streams:
            self._streams[tensor.device] = torch.cuda.Stream(tensor.device)  # type: ignore[no-untyped-call]
        stream = self._streams[tensor.device]
        if layer not in buffers or buffers[layer].numel() < tensor.numel():
            buffers[layer] = torch.empty(tensor.numel(), dtype=tensor.dtype, pin_memory=True)
        copy = buffers[layer][: tensor.numel()].view(tensor.shape)
        stream.wait_stream(torch.cuda.current_stream(tensor.device))  # until the tensor is computed
        with torch.cuda.stream(stream):
            copy.copy_(tensor, non_blocking=True)
        tensor.record_stream(stream)  # its memory is not given to another before it is copied
        return copy

    def _receive(self) -> None:
        oldest = self._on_their_way.popleft()
        for event in oldest.arrived:
            event.synchronize()
        oldest.done(oldest.copies)
