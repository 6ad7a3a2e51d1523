"""Models that went through torch.compile, and how a capture runs them.

What torch.compile has traced without hooks goes on without them: by default
(`torch._dynamo.config.skip_nnmodule_hook_guards`) it does not look for new ones in a later call. A capture
must not depend on what was traced before, so it runs the model uncompiled. That gives the same stream, up to
the rounding of fused operations, and leaves the compiled code as it was.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import nn

from tutorial_lib.architecture.stream import Stream


def is_compiled(module: nn.Module) -> bool:
    """Whether calls of this very module go to torch.compile: `torch.compile(m)`, or `m.compile()` before."""
    # By the instance's own dict: a look-up that fails goes through nn.Module's slow __getattr__.
    return "_orig_mod" in module._modules or module.__dict__.get("_compiled_call_impl") is not None


def uncompiled(stream: Stream) -> AbstractContextManager[None]:
    """A block in which nothing runs compiled, if the model, a block or what lies between is compiled.

    Nothing else is looked at: around a compiled part inside of a block the block's own hooks run as always.
    """
    if any(map(is_compiled, _on_the_way(stream))):
        return _eager()
    return nullcontext()


@contextmanager
def _eager() -> Iterator[None]:
    with torch.compiler.set_stance("force_eager"):  # it holds from the call on, not from the `with`
        yield


def _on_the_way(stream: Stream) -> Iterator[nn.Module]:
    """The model, the modules that lead to its blocks, and the blocks."""
    module: nn.Module | None = stream.model
    for name in stream.path.split("."):
        if module is not None:
            yield module
            module = module._modules[name]
    yield from stream.blocks
