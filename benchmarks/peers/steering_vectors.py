"""steering-vectors: hooks by patterns of module names."""

from typing import Any

from steering_vectors import SteeringVector, record_activations
from torch import Tensor

from benchmarks.equal import generate
from benchmarks.variant import Variant
from benchmarks.workload import Workload

LIBRARY = "steering-vectors"
MORE = (
    "Guesses where the blocks of a model are from the names of its modules, anew in each call; trains "
    "steering vectors from pairs of prompts. It looks at what a block gives out: its layer i is our i + 1."
)


def variants(job: Workload) -> list[Variant]:
    model = job.own_model()  # it edits outputs in place
    vector = SteeringVector({job.layer - 1: job.vector})

    def record() -> Any:
        with record_activations(model) as recorded:
            model(input_ids=job.ids)
        return recorded

    def by_layer(recorded: Any) -> dict[int, Tensor]:
        return {layer + 1: streams[0] for layer, streams in recorded.items()}

    def steer() -> Any:
        with vector.apply(model):
            return model(input_ids=job.ids).logits

    def steer_generation() -> Tensor:
        with vector.apply(model):
            return generate(job, model)

    return [
        Variant("steering-vectors, every layer", LIBRARY, "all", record, by_layer),
        Variant("steering-vectors, steering", LIBRARY, "steer", steer),
        Variant("steering-vectors, steered generation", LIBRARY, "steer generation", steer_generation),
    ]
