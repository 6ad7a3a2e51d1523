"""Run a batch as far as the last layer that is asked for, and keep the chosen rows of the streams."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from tutorial_lib.architecture.stream import UnaddressableStreamError, stream_of
from tutorial_lib.arguments import check_layers
from tutorial_lib.capture import Capture
from tutorial_lib.compiled import uncompiled
from tutorial_lib.hooks import add_hooks


class BatchCapture:
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
        self.capture = Capture(layers, self._keep, stop=True)

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
        with torch.no_grad(), self.capture.running():
            self._model(input_ids=ids, attention_mask=mask, use_cache=False)
        missing = [layer for layer in self.layers if layer not in self._captured]
        if missing:
            raise UnaddressableStreamError(
                f"the forward pass of {type(self._model).__name__} did not reach layers {missing}"
            )
        return self._captured

    def _keep(self, layer: int, stream: Tensor) -> None:
        if stream.ndim != 3 or tuple(stream.shape[:2]) != self._shape:
            raise UnaddressableStreamError(
                f"the stream at layer {layer} has the shape {tuple(stream.shape)}, "
                f"not [batch, seq, d_model] of a batch {list(self._shape)}"
            )
        take = self._take if self._take.device == stream.device else self._take.to(stream.device)
        self._captured[layer] = stream.reshape(-1, stream.shape[-1]).index_select(0, take)


@contextmanager
def capturing(model: nn.Module, layers: list[int]) -> Iterator[BatchCapture]:
    """Has the hooks of a `BatchCapture` on the model."""
    batches = BatchCapture(model, layers)
    stream = stream_of(model)
    with uncompiled(stream), add_hooks(*batches.capture.hooks(stream.blocks), with_kwargs=True):
        yield batches


def layers_to_collect(model: nn.Module, layers: Iterable[int]) -> list[int]:
    """The layers in their order, each once.

    Raises:
        ValueError: a layer that the model does not have, or none at all.
        TypeError: `layers` is one number, or has something else than whole numbers.
        UnaddressableStreamError: the model has no stream that rows could be taken from.
    """
    stream = stream_of(model)
    stream.check_addressable()
    wanted = sorted(check_layers(layers, stream.n_layers, after_last_block=True))
    if not wanted:
        raise ValueError(f"layers is empty; layers 0 to {stream.n_layers} can be collected")
    if wanted[-1] == stream.n_layers:
        stream.check_whole()
    return wanted
