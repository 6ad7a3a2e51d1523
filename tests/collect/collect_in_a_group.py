"""What the processes of a process group do in tests, in one start of them: rows, statistics, errors.

torchrun --nproc-per-node 3 -m tests.collect.collect_in_a_group DATA OUT
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch.distributed as dist

from tests.collect.collect_data import SETTINGS
from tutorial_lib import load_model
from tutorial_lib.collect import CollectError, collect_residual_streams, collect_statistics, statistics

CHUNK_ROWS = 300


def main(data: Path, out: Path) -> None:
    model, tokenizer = load_model()
    shared: dict[str, Any] = dict(tokenizer=tokenizer, progress=False)
    collect_residual_streams(model, data, out=out / "rows", shard_rows=CHUNK_ROWS, **SETTINGS, **shared)

    statistics.CHUNK_ROWS = CHUNK_ROWS
    settings = {name: value for name, value in SETTINGS.items() if name != "dtype"}
    found = collect_statistics(model, data, out=out / "statistics", **settings, **shared)
    counts = {name: each.count for name, each in found.items()}

    used, reason = out / "used", ""
    try:
        collect_residual_streams(model, data, out=used, **SETTINGS, **shared)
    except CollectError as error:
        reason = str(error)
    told = {"size": dist.get_world_size(), "counts": counts, "reason": reason}
    (out / f"told-{dist.get_rank()}.json").write_text(json.dumps(told), encoding="utf-8")

    # The last line of the data is bad: one rank ends with an error, and the others wait for it.
    strict = {**SETTINGS, "on_bad": "error", "shard_rows": CHUNK_ROWS}
    collect_residual_streams(model, out / "bad.jsonl", out=out / "bad", **strict, **shared)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
