"""Take the residual stream out of a running pass, and end the pass at the last layer that is asked for.

This is the only place where a forward pass is stopped early.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from torch import Tensor, nn

from tutorial_lib.activations import read_input, read_output
from tutorial_lib.hooks import HookPair

# The capture whose pass runs in this thread. Its hooks are on modules that other threads may call, and other
# captures inside of this one: those calls are not this capture's to keep or to stop.
_running: ContextVar["Capture | None"] = ContextVar("running", default=None)


class StopForward(BaseException):
    """Ends a forward pass early. Not an Exception, so that no `except Exception` in a model swallows it.

    Attributes:
        owner: the capture whose pass it ends; one around it must let it pass.
    """

    def __init__(self, owner: "Capture") -> None:
        self.owner = owner


class Capture:
    """Calls `keep(layer, stream)` with the stream at each layer, in the passes inside `running()`.

    Args:
        layers: 0 to n_layers; layer i is the input of block i, n_layers the output of the last block.
        keep: gets the very tensor that the model continues with.
        stop: end the pass after the highest layer.
    """

    def __init__(self, layers: Iterable[int], keep: Callable[[int, Tensor], None], *, stop: bool) -> None:
        self.layers = sorted(layers)
        self._keep = keep
        self._last = self.layers[-1] if stop else None

    def hooks(self, blocks: Iterable[nn.Module]) -> tuple[list[HookPair], list[HookPair]]:
        """Pre-hooks and forward hooks, which get keyword arguments."""
        modules: Sequence[nn.Module] = list(blocks)  # indexing an nn.ModuleList is slow
        n_layers = len(modules)
        pre_hooks = [(modules[layer], self._at_input(layer)) for layer in self.layers if layer < n_layers]
        forward_hooks = [(modules[-1], self._at_output(layer)) for layer in self.layers if layer == n_layers]
        return pre_hooks, forward_hooks

    @contextmanager
    def running(self) -> Iterator[None]:
        """This thread's passes inside the block are this capture's; a pass that is stopped ends the block."""
        before = _running.set(self)
        try:
            yield
        except StopForward as stopped:
            if stopped.owner is not self:
                raise
        finally:
            _running.reset(before)

    def _see(self, layer: int, stream: Tensor) -> None:
        if _running.get() is self:
            self._keep(layer, stream)
            if layer == self._last:
                raise StopForward(self)

    def _at_input(self, layer: int) -> Callable[..., None]:
        def capture_block_input(module: nn.Module, args: Any, kwargs: Any) -> None:
            self._see(layer, read_input(args, kwargs))

        return capture_block_input

    def _at_output(self, layer: int) -> Callable[..., None]:
        def capture_block_output(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            self._see(layer, read_output(output))

        return capture_block_output
