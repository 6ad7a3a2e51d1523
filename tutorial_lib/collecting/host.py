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
    arrived: Any
    done: Callable[[dict[int, Tensor]], None]


class HostCopies:
    """Gives rows to `done` when they are in host memory and have the wanted dtype.

    On a CPU that is at once. On CUDA the copy goes to pinned memory in a stream of its own, and `done` is
    called some batches later, so that neither waits for the other. The pinned buffers are used again.
    """

    def __init__(self, dtype: torch.dtype) -> None:
        self._dtype = dtype
        self._on_their_way: deque[_OnItsWay] = deque()
        self._stream: Any = None
        self._free: list[dict[int, Tensor]] = []

    def send(self, rows: dict[int, Tensor], done: Callable[[dict[int, Tensor]], None]) -> None:
        """Args: rows: `[kept, d_model]` for each layer. done: gets them, on the host."""
        device = next(iter(rows.values())).device
        # Of a model that is spread over devices the layers come together on one first: PyTorch has copies
        # between devices wait for both, and one stream is enough from there on.
        cast = {layer: tensor.to(device, self._dtype) for layer, tensor in rows.items()}
        if device.type != "cuda":
            done({layer: tensor.cpu() for layer, tensor in cast.items()})
            return
        if len(self._on_their_way) >= DEPTH:
            self._receive()
        if self._stream is None:
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        buffers = self._free.pop() if self._free else {}
        self._stream.wait_stream(torch.cuda.current_stream(device))
        copies = {}
        with torch.cuda.stream(self._stream):
            for layer, tensor in cast.items():
                if layer not in buffers or buffers[layer].numel() < tensor.numel():
                    buffers[layer] = torch.empty(tensor.numel(), dtype=tensor.dtype, pin_memory=True)
                copies[layer] = buffers[layer][: tensor.numel()].view(tensor.shape)
                copies[layer].copy_(tensor, non_blocking=True)
                tensor.record_stream(self._stream)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record(self._stream)

        def done_and_free(found: dict[int, Tensor]) -> None:
            done(found)
            self._free.append(buffers)

        self._on_their_way.append(_OnItsWay(copies, arrived, done_and_free))

    def flush(self) -> None:
        """Waits for all that is on its way."""
        while self._on_their_way:
            self._receive()

    def _receive(self) -> None:
        oldest = self._on_their_way.popleft()
        oldest.arrived.synchronize()
        oldest.done(oldest.copies)
