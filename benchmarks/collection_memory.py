"""The memory of a collection against the size of the data, each size in processes of its own."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SIZES = (1, 2, 5, 10)
TOKENS = 40_000  # of the smallest data
SHARD_ROWS = 6_000  # 15 MiB
PROGRAM = """
import json, sys, threading, time
import psutil
import torch
from pathlib import Path
from tutorial_lib import load_model
from tutorial_lib.collect import collect_residual_streams

data, out, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(1)
model, tokenizer = load_model()
own = psutil.Process()
def private():
    # without the pages of files that are mapped, which the system takes back whenever it likes
    found = own.memory_info()
    return found.rss - getattr(found, "shared", 0)
before, peak, ended = private(), 0, False
def watch():
    global peak
    while not ended:
        peak = max(peak, private())
        time.sleep(0.005)
watcher = threading.Thread(target=watch)
watcher.start()
store = collect_residual_streams(
    model, data, range(5), out, tokenizer=tokenizer, shard_rows=rows, progress=False
)
ended = True
watcher.join()
print(json.dumps({
    "tokens": store.manifest["tokens"],
    "shards": len(store.manifest["shards"]),
    "bytes": sum(shard["bytes"] for shard in store.manifest["shards"]),
    "before": before,
    "peak": peak,
}))
"""


def memory(repeats: int, done: Callable[[int], None]) -> list[dict[str, Any]]:
    """What collecting data of growing size takes, each size several times in processes of their own.

    Args:
        done: called after each run with the size.
    """
    draw = random.Random(0)
    words = "the a cat dog Anna Tom gave took book ball to from in of lives Paris France is was and".split()
    lines, tokens = [], 0
    while tokens < TOKENS:
        length = draw.randint(16, 128)
        lines.append(json.dumps({"text": " ".join(draw.choices(words, k=length))}) + "\n")
        tokens += length
    rows: dict[int, list[dict[str, Any]]] = {times: [] for times in SIZES}
    with tempfile.TemporaryDirectory() as folder:
        for times in SIZES:
            Path(folder, f"{times}.jsonl").write_text("".join(lines) * times, encoding="utf-8")
        for _ in range(repeats):
            for times in SIZES:
                with tempfile.TemporaryDirectory(dir=folder) as out:
                    arguments = [str(Path(folder, f"{times}.jsonl")), out, str(SHARD_ROWS)]
                    ended = subprocess.run(
                        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, cwd=ROOT
                    )
                if ended.returncode:
                    raise RuntimeError(ended.stderr)
                rows[times].append(json.loads(ended.stdout.splitlines()[-1]))
                done(times)
    return [_row(times, found) for times, found in rows.items()]


def _row(times: int, found: list[dict[str, Any]]) -> dict[str, Any]:
    middle = {name: round(statistics.median(each[name] for each in found)) for name in found[0]}
    peaks = sorted(each["peak"] for each in found)
    return {"times": times, **middle, "lowest_peak": peaks[0], "highest_peak": peaks[-1], "runs": len(found)}
