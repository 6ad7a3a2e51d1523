"""Models that went through torch.compile, and how a capture runs them.

What torch.compile has traced without hooks goes on without them: by default
(`torch._dynamo.config.skip_nnmodule_hook_guards`) it does not look for new ones in a later call. A capture
must not depend on what was traced before, so it runs the model uncompiled. That gives the same stream, up to
the rounding of fused operations, and leaves the compiled code as it was.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from tutorial_lib.architecture.stream import Stream


def is_compiled(module: nn.Module) -> bool:
    """Whether calls of this very module go to torch.compile: `torch.compile(m)`, or `m.compile()` before."""
    return "_orig_mod" in module._modules or getattr(module, "_compiled_call_impl", None) is not None


def uncompiled(stream: Stream) -> AbstractContextManager[None]:
    """A block in which nothing runs compiled, if the model, a block or what lies between is compiled.

    Nothing else is looked at: around a compiled part inside of a block the block's own hooks run as always.
    """
    if any(map(is_compiled, _on_the_way(stream))):
        eager: AbstractContextManager[None] = torch.compiler.set_stance("force_eager")
        return eager
    return nullcontext()


def _on_the_way(stream: Stream) -> list[nn.Module]:
    """The model, the modules that lead to its blocks, and the blocks."""
    way = [stream.model]
    for name in stream.path.split("."):
        way.append(getattr(way[-1], name))
    return [*way, *stream.blocks]
