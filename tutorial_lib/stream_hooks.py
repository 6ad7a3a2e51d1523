"""Hooks that hand over the residual stream at chosen layers, and how a pass is ended at the last of them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import Tensor, nn

from tutorial_lib.activations import read_input, read_output
from tutorial_lib.hooks import HookPair


class StopForward(BaseException):
    """Ends a forward pass early. Not an Exception, so that no `except Exception` in a model swallows it.

    Attributes:
        owner: whose pass it ends; another one, of a call around this one, is not the owner's to catch.
    """

    def __init__(self, owner: object) -> None:
        self.owner = owner


def stream_hooks(
    blocks: Sequence[nn.Module], layers: Iterable[int], keep: Callable[[int, Tensor], None]
) -> tuple[list[HookPair], list[HookPair]]:
    """Pre-hooks and forward hooks (with kwargs) that call `keep(layer, stream)`.

    Args:
        blocks: of the model.
        layers: 0 to n_layers; layer i is the input of block i, n_layers the output of the last block.
        keep: gets the very tensor that the model goes on with.
    """

    def at_input(layer: int) -> HookPair:
        def capture_block_input(module: nn.Module, args: Any, kwargs: Any) -> None:
            keep(layer, read_input(args, kwargs))

        return blocks[layer], capture_block_input

    def at_output(layer: int) -> HookPair:
        def capture_block_output(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            keep(layer, read_output(output))

        return blocks[layer - 1], capture_block_output

    wanted = list(layers)
    pre_hooks = [at_input(layer) for layer in wanted if layer < len(blocks)]
    forward_hooks = [at_output(layer) for layer in wanted if layer == len(blocks)]
    return pre_hooks, forward_hooks
