"""TransformerLens: its bridge, which puts its own components around the modules of a HuggingFace model."""

from typing import Any

from torch import Tensor
from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

from benchmarks.variant import Variant
from benchmarks.workload import NEW_TOKENS, Workload

LIBRARY = "TransformerLens bridge"
MORE = (
    "One name for each activation in all architectures, attention patterns and heads among them, for which "
    "it computes attention in its own code; hook points run whether anything listens or not."
)


def variants(job: Workload) -> list[Variant]:
    model = job.own_model()
    bridge = build_bridge_from_module(model, type(model).__name__, hf_config=model.config)
    at = f"blocks.{job.layer}.hook_resid_pre"
    every = [f"blocks.{layer}.hook_resid_pre" for layer in range(job.size.layers)]

    def add(stream: Tensor, hook: Any) -> Tensor:
        return stream + job.vector

    def read(names: list[str] | None) -> Any:
        return bridge.run_with_cache(job.ids, names_filter=names)[1]

    def by_layer(cache: Any) -> dict[int, Tensor]:
        return {layer: cache[name] for layer, name in enumerate(every)}

    def stop() -> dict[int, Tensor]:
        # What comes back from a run that stops at a layer is the stream at its input.
        stream, _ = bridge.run_with_cache(job.ids, names_filter=[at], stop_at_layer=job.layer)
        return {job.layer: stream}

    def steer() -> Any:
        return bridge.run_with_hooks(job.ids, fwd_hooks=[(at, add)])

    def steer_generation() -> Any:
        with bridge.hooks(fwd_hooks=[(at, add)]):
            return bridge.generate(
                job.prompt,
                max_new_tokens=NEW_TOKENS,
                do_sample=False,
                stop_at_eos=False,
                return_type="tokens",
                verbose=False,
            )

    name = "TransformerLens"
    return [
        Variant(f"{name}, every layer", LIBRARY, "all", lambda: read(every), by_layer),
        Variant(f"{name}, everything", LIBRARY, "everything", lambda: read(None), by_layer),
        Variant(f"{name}, stop at half depth", LIBRARY, "half", stop),
        Variant(f"{name}, steering", LIBRARY, "steer", steer),
        Variant(f"{name}, steered generation", LIBRARY, "steer generation", steer_generation),
    ]
