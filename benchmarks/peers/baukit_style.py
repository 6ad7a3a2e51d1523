"""A trace in the manner of baukit's `TraceDict`, in our own code: baukit itself is on no package registry.

Modules are named by their paths, and each name is looked up in the model for each trace.
"""

from collections.abc import Iterable
from types import TracebackType
from typing import Any

from torch import Tensor, nn

from benchmarks.variant import Variant
from benchmarks.workload import Workload

LIBRARY = "baukit-style trace"
MORE = (
    "Names modules by their paths and looks them up anew in each trace; keeps inputs and outputs, edits "
    "outputs and stops early. The class is our own, in the manner of baukit, which is on no registry."
)


class Trace:
    """What one module gets, kept while a `with` block lasts."""

    def __init__(self, model: nn.Module, path: str) -> None:
        self.input: Tensor | None = None

        def keep(module: nn.Module, args: Any, output: Any) -> None:
            self.input = args[0].clone()

        self._handle = _find(model, path).register_forward_hook(keep)

    def close(self) -> None:
        self._handle.remove()


class TraceDict(dict[str, Trace]):
    """Traces of several modules, by path."""

    def __init__(self, model: nn.Module, paths: Iterable[str]) -> None:
        super().__init__((path, Trace(model, path)) for path in paths)

    def __enter__(self) -> "TraceDict":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in reversed(list(self.values())):
            each.close()


def _find(model: nn.Module, path: str) -> nn.Module:
    for name, module in model.named_modules():
        if name == path:
            found: nn.Module = module
            return found
    raise LookupError(f"{type(model).__name__} has no module {path}")


def variants(job: Workload) -> list[Variant]:
    paths = [f"model.layers.{layer}" for layer in range(job.size.layers)]

    def run() -> TraceDict:
        with TraceDict(job.model, paths) as traces:
            job.model(input_ids=job.ids)
        return traces

    def read(traces: TraceDict) -> dict[int, Any]:
        return {layer: traces[path].input for layer, path in enumerate(paths)}

    return [Variant("baukit-style, every layer", LIBRARY, "all", run, read)]
