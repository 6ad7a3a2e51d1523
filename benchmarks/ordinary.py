"""The variants that need no other library: bare runs, hooks by hand, transformers itself, this library."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from torch import Tensor

from benchmarks.equal import generate
from benchmarks.variant import BARE, BARE_GENERATE, Variant
from benchmarks.workload import Workload
from tutorial_lib import (
    ablate_direction_from_residual,
    add_hooks,
    add_vector_to_residual_stream,
    cache_residual_streams,
    get_residual_stream_at_layer,
)


def variants(job: Workload) -> list[Variant]:
    """All of them; the two bare ones, which the others are divided by, come first."""
    return [*_bare(job), *_by_hand(job), *_transformers(job), *_this_library(job)]


def _bare(job: Workload) -> list[Variant]:
    def forward() -> Any:
        return job.model(input_ids=job.ids).logits

    return [
        Variant(BARE, "transformers", "nothing", forward),
        Variant(BARE_GENERATE, "transformers", "generate", lambda: generate(job)),
        Variant("bare forward again", "transformers", "nothing", forward),
        Variant("bare generate again", "transformers", "generate", lambda: generate(job)),
    ]


class _Stopped(Exception):  # noqa: N818
    pass


def _by_hand(job: Workload) -> list[Variant]:
    """The least that does each task: what a reader would write without any library."""
    model, blocks = job.model, job.model.model.layers

    def hooked(hooks: Iterable[tuple[Any, Callable[..., Any]]], run: Callable[[], Any]) -> Any:
        handles = [block.register_forward_pre_hook(hook) for block, hook in hooks]
        try:
            return run()
        finally:
            for handle in handles:
                handle.remove()

    def read(layers: Iterable[int]) -> dict[int, Tensor]:
        streams: dict[int, Tensor] = {}

        def capture(layer: int) -> Callable[..., None]:
            def hook(module: Any, args: Any) -> None:
                streams[layer] = args[0].clone()

            return hook

        hooked([(blocks[layer], capture(layer)) for layer in layers], lambda: model(input_ids=job.ids))
        return streams

    def read_and_stop() -> dict[int, Tensor]:
        streams: dict[int, Tensor] = {}

        def hook(module: Any, args: Any) -> None:
            streams[job.layer] = args[0].clone()
            raise _Stopped

        with suppress(_Stopped):
            hooked([(blocks[job.layer], hook)], lambda: model(input_ids=job.ids))
        return streams

    def steer(module: Any, args: Any) -> Any:
        return (args[0] + job.vector, *args[1:])

    def ablate(module: Any, args: Any) -> Any:
        stream = args[0]
        return (stream - (stream @ job.unit).unsqueeze(-1) * job.unit, *args[1:])

    def logits() -> Any:
        return model(input_ids=job.ids).logits

    steered, ablated = [(blocks[job.layer], steer)], [(block, ablate) for block in blocks]
    every = range(len(blocks))
    return [
        Variant("by hand, every layer", "hooks by hand", "all", lambda: read(every)),
        Variant("by hand, one layer", "hooks by hand", "one", lambda: read([job.layer])),
        Variant("by hand, stop at half depth", "hooks by hand", "half", read_and_stop),
        Variant("by hand, steering", "hooks by hand", "steer", lambda: hooked(steered, logits)),
        Variant("by hand, ablation", "hooks by hand", "ablate", lambda: hooked(ablated, logits)),
        Variant(
            "by hand, steered generation",
            "hooks by hand",
            "steer generation",
            lambda: hooked(steered, lambda: generate(job)),
        ),
    ]


def _transformers(job: Workload) -> list[Variant]:
    # The hooks with which transformers records hidden states stay on a model for good: not on the one that
    # all are timed on.
    model = job.own_model()

    def run() -> Any:
        return model(input_ids=job.ids, output_hidden_states=True).hidden_states

    # The last one is after the final norm, and no stream.
    return [
        Variant(
            "output_hidden_states", "transformers", "all", run, lambda states: dict(enumerate(states[:-1]))
        )
    ]


def _this_library(job: Workload) -> list[Variant]:
    model, ids, layer = job.model, job.ids, job.layer

    def steer() -> Any:
        with add_hooks(add_vector_to_residual_stream(model, layer, job.vector)):
            return model(input_ids=ids).logits

    def ablate() -> Any:
        with add_hooks(ablate_direction_from_residual(model, job.unit)):
            return model(input_ids=ids).logits

    def steer_generation() -> Tensor:
        with add_hooks(add_vector_to_residual_stream(model, layer, job.vector)):
            return generate(job)

    def by_layer(result: tuple[dict[str, Tensor], Any]) -> dict[int, Tensor]:
        return {int(name.removeprefix("layer_")): stream for name, stream in result[0].items()}

    def at_layer(stream: Tensor) -> dict[int, Tensor]:
        return {layer: stream}

    name = "this library"
    return [
        Variant(f"{name}, every layer", name, "all", lambda: cache_residual_streams(model, ids), by_layer),
        Variant(
            f"{name}, one layer",
            name,
            "one",
            lambda: get_residual_stream_at_layer(model, layer, ids, stop_early=False),
            at_layer,
        ),
        Variant(
            f"{name}, stop at half depth",
            name,
            "half",
            lambda: get_residual_stream_at_layer(model, layer, ids),
            at_layer,
        ),
        Variant(f"{name}, steering", name, "steer", steer),
        Variant(f"{name}, ablation", name, "ablate", ablate),
        Variant(f"{name}, steered generation", name, "steer generation", steer_generation),
    ]
