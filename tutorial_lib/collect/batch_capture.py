"""Run a batch as far as the last layer that is asked for, and keep the chosen rows of the streams."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn

from tutorial_lib.architecture.blocks import (
    UnaddressableStreamError,
    check_addressable,
    check_layer,
    check_whole_blocks,
    find_blocks,
)
from tutorial_lib.compiled import uncompiled
from tutorial_lib.hooks import HookPair, add_hooks
from tutorial_lib.stream_hooks import StopForward, stream_hooks

# The capture whose pass runs in this thread: other passes of the model, in other threads, are not its own.
_running: ContextVar["Capture | None"] = ContextVar("running", default=None)


class Capture:
    """Gives the streams of one batch after the other, while `capturing` has its hooks on the model.

    Attributes:
        layers: in their order.
    """

    def __init__(self, model: nn.Module, layers: list[int]) -> None:
        self.layers = layers
        self._model = model
        self._take = torch.empty(0, dtype=torch.int64)
        self._shape: tuple[int, ...] = ()
        self._captured: dict[int, Tensor] = {}

    def __call__(self, ids: Tensor, mask: Tensor, take: Tensor) -> dict[int, Tensor]:
        """The streams of the tokens that are taken, in the model's dtype and on its device.

        Args:
            ids: `[batch, seq]`.
            mask: `[batch, seq]`, 1 where there is a token.
            take: `[kept]`, places in the flattened batch.

        Returns:
            `[kept, d_model]` for each layer.

        Raises:
            UnaddressableStreamError: a stream is not `[batch, seq, d_model]`, or the pass did not come by it.
        """
        self._take, self._shape, self._captured = take, tuple(ids.shape), {}
        mine = _running.set(self)
        try:
            with torch.no_grad():
                self._model(input_ids=ids, attention_mask=mask, use_cache=False)
        except StopForward as stopped:
            if stopped.owner is not self:
                raise
        finally:
            _running.reset(mine)
        missing = [layer for layer in self.layers if layer not in self._captured]
        if missing:
            raise UnaddressableStreamError(
                f"the forward pass of {type(self._model).__name__} does not come by the layers {missing}"
            )
        return self._captured

    def hooks(self, blocks: nn.ModuleList) -> tuple[list[HookPair], list[HookPair]]:
        """Its pre-hooks and forward hooks, which get keyword arguments."""
        return stream_hooks(list(blocks), self.layers, self._keep)

    def _keep(self, layer: int, stream: Tensor) -> None:
        if _running.get() is not self:
            return
        if stream.ndim != 3 or tuple(stream.shape[:2]) != self._shape:
            raise UnaddressableStreamError(
                f"the stream at layer {layer} has the shape {tuple(stream.shape)}, "
                f"not [batch, seq, d_model] of a batch {list(self._shape)}"
            )
        take = self._take if self._take.device == stream.device else self._take.to(stream.device)
        self._captured[layer] = stream.reshape(-1, stream.shape[-1]).index_select(0, take)
        if layer == self.layers[-1]:
            raise StopForward(self)


@contextmanager
def capturing(model: nn.Module, layers: list[int]) -> Iterator[Capture]:
    """Has the hooks of a `Capture` on the model."""
    capture = Capture(model, layers)
    with uncompiled(model), add_hooks(*capture.hooks(find_blocks(model)), with_kwargs=True):
        yield capture


def check_layers(model: nn.Module, layers: Iterable[int]) -> list[int]:
    """The layers in their order, each once.

    Raises:
        ValueError: a layer that the model does not have, or none at all.
        TypeError: `layers` is one number, or has something else than whole numbers.
        UnaddressableStreamError: the model has no stream that rows could be taken from.
    """
    check_addressable(model)
    n_layers = len(find_blocks(model))
    if isinstance(layers, (int, str)):
        raise TypeError(f"layers must be several layers, such as [{layers!r}], got {layers!r}")
    wanted = sorted({check_layer(layer, n_layers, after_last_block=True) for layer in layers})
    if not wanted:
        raise ValueError(f"layers is empty; layers 0 to {n_layers} can be collected")
    if wanted[-1] == n_layers:
        check_whole_blocks(model)
    return wanted
