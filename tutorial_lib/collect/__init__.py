"""Activations of a whole data set, to disk: resumable, in many processes, with memory that stays flat.

    store = collect_residual_streams(model, texts, [2, 4], "activations", tokenizer=tokenizer)

Data is read as records (`data/records.py`), cut into chunks (`data/chunks.py`), turned into batches
(`plan.py`), run (`batch_capture.py`) and written as one shard per chunk (`disk/shards.py`). A chunk, and with
it the bytes of its shard, depends on the data and the settings alone, so it makes no difference which process
makes it: a collection that was killed continues by making the shards that are missing.

Several processes share one collection when they are started by torchrun or by accelerate:

    accelerate launch -m tutorial_lib.collect --data data.jsonl --layers 2,4 --out activations
"""

from tutorial_lib.collect.disk.store import ActivationStore
from tutorial_lib.collect.errors import BadRecordError, CollectError
from tutorial_lib.collect.moments import StreamStatistics
from tutorial_lib.collect.statistics import collect_statistics, read_statistics
from tutorial_lib.collect.streams import collect_residual_streams

__all__ = [
    "ActivationStore",
    "BadRecordError",
    "CollectError",
    "StreamStatistics",
    "collect_residual_streams",
    "collect_statistics",
    "read_statistics",
]
