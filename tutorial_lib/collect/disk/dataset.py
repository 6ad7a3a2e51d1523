"""Give a collection to the `datasets` library: a folder as `Dataset.save_to_disk` writes it."""

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tutorial_lib.collect.errors import CollectError
from tutorial_lib.collect.progress_report import reporting
from tutorial_lib.files import PARTIAL

if TYPE_CHECKING:
    from tutorial_lib.collect.disk.store import ActivationStore

ROWS_AT_ONCE = 4096
STATE = "state.json"


def write_dataset(store: "ActivationStore", folder: Path, *, progress: bool) -> None:
    """See `ActivationStore.to_dataset`."""
    datasets, arrow = _packages()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise CollectError(f"{str(folder)!r} is there already; a dataset goes into a new or empty folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f"{folder.name}.{secrets.token_hex(4)}{PARTIAL}")
    try:
        _write(store, partial, datasets, arrow, progress)
        if folder.exists():
            folder.rmdir()  # empty; Windows renames to no folder that is there
        partial.rename(folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def _write(store: "ActivationStore", folder: Path, datasets: Any, arrow: Any, progress: bool) -> None:
    # The library writes an empty dataset, with all that it wants to know beside the rows; the rows are put in
    # beside it, shard by shard. Its own ways would hold all rows in memory, or write them twice.
    features = _features(store, datasets)
    about = json.dumps(store.manifest["settings"], indent=1)
    empty = datasets.Dataset.from_dict({name: [] for name in features}, features=features)
    empty.info.description = f"Residual streams, collected with these settings:\n{about}"
    with _no_bars(datasets):
        empty.save_to_disk(str(folder))
    state = json.loads((folder / STATE).read_text(encoding="utf-8"))
    for entry in state["_data_files"]:
        (folder / entry["filename"]).unlink()
    n_shards = len(store.manifest["shards"])
    names = [f"data-{number:05d}-of-{max(n_shards, 1):05d}.arrow" for number in range(max(n_shards, 1))]
    schema = features.arrow_schema
    done = 0
    with reporting(len(store), progress, task="exporting", unit="rows") as report:
        for number, name in enumerate(names):
            with arrow.OSFile(str(folder / name), "wb") as file, arrow.ipc.new_stream(file, schema) as stream:
                for rows in _parts(store, number) if n_shards else ():
                    columns = [_column(rows[column], schema.field(column).type, arrow) for column in features]
                    stream.write_batch(arrow.record_batch(columns, schema=schema))
                    done += len(columns[0])
                    report.advance(done, len(columns[0]))
    state["_data_files"] = [{"filename": name} for name in names]
    (folder / STATE).write_text(json.dumps(state, indent=2), encoding="utf-8")


def _features(store: "ActivationStore", datasets: Any) -> Any:
    """Whole numbers for what is known of a row, lists of `d_model` numbers for its streams."""
    name = store.manifest["settings"]["dtype"]
    number = datasets.Value("float32" if name == "bfloat16" else name)
    whole = {column: datasets.Value("int64") for column in store.columns}
    rows = {stream: datasets.Sequence(number, length=store.d_model) for stream in store.streams}
    return datasets.Features(whole | rows)


def _parts(store: "ActivationStore", shard: int) -> Iterator[dict[str, Tensor]]:
    rows = store.rows_of_shard(shard)
    for start in range(rows.start, rows.stop, ROWS_AT_ONCE):
        yield store[start : min(start + ROWS_AT_ONCE, rows.stop)]


def _column(rows: Tensor, kind: Any, arrow: Any) -> Any:
    numbers = rows.float() if rows.dtype == torch.bfloat16 else rows
    flat = arrow.array(numbers.flatten().numpy())
    if rows.ndim == 1:
        return flat
    return arrow.FixedSizeListArray.from_arrays(flat, type=kind)


@contextmanager
def _no_bars(datasets: Any) -> Iterator[None]:
    """Without the library's own progress bars; this export has one."""
    off = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        if not off:
            datasets.enable_progress_bars()


def _packages() -> tuple[Any, Any]:
    try:
        import datasets
        import pyarrow
    except ImportError as error:
        raise CollectError(
            "to write a dataset the package 'datasets' is needed: pip install datasets"
        ) from error
    return datasets, pyarrow
