"""What capturing the residual stream costs, as ratios to a bare forward pass.

    python benchmarks/capture_overhead.py [rounds]

A random Llama of 8 layers and width 64, one row of 16 tokens, one thread: so small a model that the cost of
Python around it shows. The variants take turns in every round, so that a busy machine slows all alike;
medians over the rounds are printed.
"""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from tutorial_lib import cache_residual_streams, get_residual_stream_at_layer

CALLS_PER_ROUND = 5


def build() -> tuple[Any, torch.Tensor]:
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=64,
        intermediate_size=192,
        num_hidden_layers=8,
        num_attention_heads=4,
        num_key_value_heads=4,
        vocab_size=512,
    )
    return LlamaForCausalLM(config).eval(), torch.randint(5, 500, (1, 16))


def by_hand(model: Any, ids: torch.Tensor) -> dict[int, torch.Tensor]:
    """The least that captures every layer: what `cache_residual_streams` is measured against."""
    streams: dict[int, torch.Tensor] = {}

    def capture(layer: int) -> Callable[..., None]:
        def hook(module: Any, args: Any) -> None:
            streams[layer] = args[0].clone()

        return hook

    handles = [block.register_forward_pre_hook(capture(i)) for i, block in enumerate(model.model.layers)]
    model(input_ids=ids)
    for handle in handles:
        handle.remove()
    return streams


def variants(model: Any, ids: torch.Tensor) -> dict[str, Callable[[], Any]]:
    return {
        "bare forward": lambda: model(input_ids=ids),
        "hooks by hand, all layers": lambda: by_hand(model, ids),
        "cache_residual_streams": lambda: cache_residual_streams(model, ids),
        "output_hidden_states=True": lambda: model(input_ids=ids, output_hidden_states=True),
        "get_residual_stream, layer 0": lambda: get_residual_stream_at_layer(model, 0, ids),
    }


def measure(rounds: int) -> dict[str, float]:
    """Median milliseconds of one call, for each variant."""
    model, ids = build()
    runs = variants(model, ids)
    times: dict[str, list[float]] = {name: [] for name in runs}
    with torch.no_grad():
        for turn in range(rounds + 3):
            for name, run in runs.items():
                start = time.perf_counter()
                for _ in range(CALLS_PER_ROUND):
                    run()
                if turn >= 3:  # the first rounds warm up
                    times[name].append((time.perf_counter() - start) / CALLS_PER_ROUND * 1e3)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    torch.set_num_threads(1)
    medians = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
    bare = medians["bare forward"]
    for name, median in medians.items():
        print(f"{name:<30} {median:7.3f} ms   {median / bare:5.2f}")


if __name__ == "__main__":
    main()
