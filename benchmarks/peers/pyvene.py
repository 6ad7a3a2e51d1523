"""pyvene: a model wrapped with interventions that collect."""

from typing import Any

import pyvene
from torch import Tensor

from benchmarks.variant import Variant
from benchmarks.workload import Workload

LIBRARY = "pyvene"
MORE = (
    "Interventions as modules that can be trained, shared and kept in a file, swaps between runs at chosen "
    "positions and subspaces; it copies what it looks at and finds its components by name in each call."
)


def variants(job: Workload) -> list[Variant]:
    model = job.own_model()
    # keep_last_dim, since a collect over whole streams is otherwise cut to its first d_model numbers.
    collecting = pyvene.IntervenableModel(
        [
            {
                "component": f"model.layers[{layer}].input",
                "intervention": pyvene.CollectIntervention(keep_last_dim=True),
            }
            for layer in range(job.size.layers)
        ],
        model=model,
    )

    def run() -> list[Tensor]:
        (_, collected), _ = collecting({"input_ids": job.ids})
        return list(collected)

    def read(collected: list[Tensor]) -> dict[int, Any]:
        return dict(enumerate(collected))

    return [Variant("pyvene, every layer", LIBRARY, "all", run, read)]
