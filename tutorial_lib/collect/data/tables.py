"""Data in columns: Parquet files, and datasets of the `datasets` library."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tutorial_lib.collect.data.values import COLUMNS, Record, Source, items, record_of
from tutorial_lib.collect.errors import CollectError

ROWS_AT_ONCE = 256


def parquet_source(path: Path, column: str | None) -> Source:
    parquet = _needed("pyarrow.parquet", path)
    try:
        file = parquet.ParquetFile(path)
    except Exception as error:  # of pyarrow's many classes
        raise CollectError(f"{str(path)!r} is no Parquet file: {error}") from error
    name = _column(column, file.schema_arrow.names, str(path))

    def batches() -> Iterator[list[Any]]:
        for batch in parquet.ParquetFile(path).iter_batches(batch_size=ROWS_AT_ONCE, columns=[name]):
            yield batch.column(0).to_pylist()

    return _of_batches(str(path), batches, file.metadata.num_rows)


def saved_dataset_source(path: Path, column: str | None, split: str | None) -> Source:
    datasets = _needed("datasets", path)
    try:
        data = datasets.load_from_disk(str(path))
    except Exception as error:  # of many classes: a file is missing, or is not what it seems
        raise CollectError(f"{str(path)!r} is no saved dataset that can be read: {error}") from error
    return dataset_source(data, column, split, str(path))


def dataset_source(data: Any, column: str | None, split: str | None, name: str) -> Source:
    if hasattr(data, "keys"):
        if split not in data:
            raise CollectError(f"{name!r} has the splits {sorted(data)}: choose one, got {split!r}")
        data, name = data[split], f"{name}, {split}"
    else:
        no_split(split, name)
    if data.column_names is None:  # a stream whose columns nobody knows before it is read
        return Source(name, lambda: items(data, column), None)
    chosen = _column(column, data.column_names, name)

    def batches() -> Iterator[list[Any]]:
        for batch in data.select_columns([chosen]).iter(ROWS_AT_ONCE):
            yield batch[chosen]

    return _of_batches(name, batches, len(data) if hasattr(data, "__len__") else None)


def _of_batches(name: str, batches: Callable[[], Iterator[list[Any]]], length: int | None) -> Source:
    def records() -> Iterator[Record]:
        index = 0
        for batch in batches():
            for row in batch:
                yield record_of(index, row, None, index + 1, f"{name}, row {index}")
                index += 1

    return Source(name, records, length)


def _column(column: str | None, names: Sequence[str], where: str) -> str:
    wanted = COLUMNS if column is None else (column,)
    for name in wanted:
        if name in names:
            return name
    raise CollectError(f"{where!r} has no column {' or '.join(map(repr, wanted))}, it has {list(names)}")


def _needed(module: str, path: Path) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise CollectError(
            f"to read {str(path)!r} the package {package!r} is needed: pip install {package}"
        ) from error


def no_split(split: str | None, name: str) -> None:
    if split is not None:
        raise CollectError(f"split {split!r} was given, and {name} has no splits: a saved DatasetDict has")
