"""Read a collection: rows by number, mapped into memory, in order or shuffled."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from tutorial_lib.collect.disk.dataset import write_dataset
from tutorial_lib.collect.disk.folder import read_manifest
from tutorial_lib.collect.disk.rows import Rows, StreamView, row_numbers
from tutorial_lib.collect.disk.shards import hash_of, map_shard
from tutorial_lib.collect.errors import CollectError, check_at_least_one
from tutorial_lib.collect.progress_report import reporting

COLUMNS = ("document", "position", "token")
MAPPED = 4096  # shards at a time; Linux lets a process have 65,530 maps


class ActivationStore(Dataset[dict[str, Tensor]]):
    """The rows of a collection, as a Dataset of PyTorch.

        store = ActivationStore("activations")
        store[5]["layer_2"]                 # [d_model]
        store[100:200]["token"]             # [100]
        store.stream(2).numpy()             # [rows, d_model]

    Nothing is read before a row is used. What is given out is a copy: changing it changes no file.

    Attributes:
        folder: where it is.
        manifest: what it was made with and what it holds.
        layers: whose streams it has.
    """

    def __init__(self, folder: str | PathLike[str], *, unfinished: bool = False) -> None:
        """Args:
            folder: that `collect_residual_streams` wrote.
            unfinished: also open one that is not complete, with the rows that are there.

        Raises:
            CollectError: there is no collection, or it is not complete.
        """
        self.folder = Path(folder).expanduser()
        self.manifest = read_manifest(self.folder, unfinished=unfinished)
        self.layers: list[int] = self.manifest["settings"]["layers"]
        self._ends = list(accumulate(shard["rows"] for shard in self.manifest["shards"]))
        self._maps: dict[int, dict[str, Tensor]] = {}

    @property
    def d_model(self) -> int:
        """The width of a row."""
        return int(self.manifest["settings"]["d_model"])

    @property
    def columns(self) -> tuple[str, ...]:
        """What is known of a row beside its streams."""
        return COLUMNS

    @property
    def streams(self) -> list[str]:
        """The names of the layers, such as "layer_2"."""
        return [f"layer_{layer}" for layer in self.layers]

    @property
    def finished(self) -> bool:
        """Whether all of the data are in it."""
        return bool(self.manifest["finished"])

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, rows: Rows) -> dict[str, Tensor]:
        """The streams "layer_<n>" of some rows, and their "document", "position" and "token".

        Args:
            rows: an int, or several as a slice, a list, or a tensor or array of whole numbers or of booleans.

        Returns:
            `[d_model]` and numbers for an int, else `[n_rows, d_model]` and `[n_rows]`.

        Raises:
            IndexError: a row that does not exist.
        """
        return self.read(rows, [*self.streams, *COLUMNS])

    def __getitems__(self, rows: list[int]) -> list[dict[str, Tensor]]:
        """What a DataLoader asks for: several rows at once."""
        found = self[rows]
        return [{name: values[at] for name, values in found.items()} for at in range(len(rows))]

    def stream(self, layer: int) -> StreamView:
        """The rows of one layer.

        Raises:
            CollectError: the layer is not in the collection.
        """
        if layer not in self.layers:
            raise CollectError(
                f"layer {layer!r} is not in the collection, which has the layers {self.layers}"
            )
        return StreamView(self, f"layer_{layer}")

    def column(self, name: str) -> Tensor:
        """What is known of every row beside its streams; the streams are not touched.

        Args:
            name: "document", from 0 in the order of the data; "position" in it; or "token", an id.

        Returns:
            `[n_rows]`, whole numbers.

        Raises:
            CollectError: there is no such column.
        """
        if name not in COLUMNS:
            raise CollectError(f"there is no column {name!r}: it must be one of {', '.join(COLUMNS)}")
        return self.read(slice(None), [name])[name]

    def batches(
        self,
        batch_size: int,
        *,
        shuffle: bool = True,
        seed: int = 0,
        mix: int = 16,
        drop_last: bool = False,
        layers: Iterable[int] | None = None,
    ) -> Iterator[dict[str, Tensor]]:
        """Goes over all rows once.

        Shuffled, shards are taken in random order, `mix` of them at a time, and the rows of these are mixed.
        So the disk is read in large parts, memory holds `mix` shards at most, and each batch has rows of
        `mix` shards.

        Args:
            batch_size: rows in a batch.
            shuffle: mix them. False: in the order of the data.
            seed: of the order; another one for each epoch.
            mix: how many shards are mixed at a time.
            drop_last: leave out a last batch with fewer rows.
            layers: which streams to give. None: all.

        Yields:
            As `store[rows]`.
        """
        check_at_least_one("batch_size", batch_size)
        check_at_least_one("mix", mix)
        wanted = self.layers if layers is None else list(layers)
        names = [*(self.stream(layer).name for layer in wanted), *COLUMNS]
        generator = torch.Generator().manual_seed(seed)
        n_shards = len(self._ends)
        order = torch.randperm(n_shards, generator=generator).tolist() if shuffle else list(range(n_shards))
        left: Tensor = torch.empty(0, dtype=torch.int64)
        for start in range(0, n_shards, mix):
            rows = torch.cat(
                [left, *(torch.tensor(self.rows_of_shard(at)) for at in order[start : start + mix])]
            )
            if shuffle:
                rows = rows[torch.randperm(len(rows), generator=generator)]
            whole = len(rows) - len(rows) % batch_size
            for at in range(0, whole, batch_size):
                yield self.read(rows[at : at + batch_size], names)
            left = rows[whole:]
        if len(left) and not drop_last:
            yield self.read(left, names)

    def read(self, rows: Rows, names: Sequence[str]) -> dict[str, Tensor]:
        """As `store[rows]`, of some tensors only."""
        if isinstance(rows, (int, np.integer)) and not isinstance(rows, bool):
            found = self.read([int(rows)], names)
            return {name: values[0] for name, values in found.items()}
        numbers = row_numbers(rows, len(self))
        shards = np.searchsorted(np.array(self._ends, dtype=np.int64), numbers, side="right")
        parts: dict[str, Tensor] = {}
        for shard in np.unique(shards).tolist():
            here = np.flatnonzero(shards == shard)
            inside = torch.from_numpy(numbers[here] - self.rows_of_shard(shard).start)
            for name in names:
                picked = self._map(shard)[name].index_select(0, inside)
                if name not in parts:
                    parts[name] = picked.new_empty(len(numbers), *picked.shape[1:])
                parts[name][torch.from_numpy(here)] = picked
        return parts or {name: self._empty(name) for name in names}

    def where(self, *, document: int) -> range:
        """The rows of one document, from 0; empty if it gave none."""
        for shard, entry in enumerate(self.manifest["shards"]):
            if entry["first_document"] <= document <= entry["last_document"]:
                span, column = self.rows_of_shard(shard), self._map(shard)["document"]
                first = int(torch.searchsorted(column, document))
                last = int(torch.searchsorted(column, document, right=True))
                return range(span.start + first, span.start + last)
        return range(0)

    def verify(self, *, progress: bool = False) -> None:
        """Reads everything and compares it with the hashes that were written.

        Args:
            progress: show how far it is, on standard error.

        Raises:
            CollectError: a shard is missing or was changed; the message names it.
        """
        with reporting(len(self), progress, task="verifying", unit="rows") as report:
            for number, shard in enumerate(self.manifest["shards"]):
                for name, tensor in self._map(number).items():
                    if hash_of(tensor) != shard["sha256"].get(name):
                        path = str(self.folder / shard["file"])
                        raise CollectError(
                            f"{name} in {path!r} is not what was written: delete the file and run the "
                            "collection again to have it made"
                        )
                report.advance(self._ends[number], shard["rows"])

    def to_dataset(self, folder: str | PathLike[str], *, progress: bool = False) -> None:
        """Writes all rows as a dataset of the `datasets` library, for `datasets.load_from_disk(folder)`.

        It has "document", "position" and "token" as whole numbers and "layer_2" and so on as lists of
        `d_model` numbers; bfloat16, which Arrow does not know, becomes float32. A shard is copied at a time.

        Args:
            folder: a new or empty one.
            progress: show how far it is, on standard error.

        Raises:
            CollectError: there is something in the folder, or the package `datasets` is missing.
            OSError: the disk is full, for example. Nothing is left then.
        """
        write_dataset(self, Path(folder).expanduser(), progress=progress)

    def maps(self, name: str) -> list[Tensor]:
        """A tensor of each shard, mapped into memory."""
        return [self._map(shard)[name] for shard in range(len(self._ends))]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_maps": {}}  # workers of a DataLoader map the files themselves

    def __repr__(self) -> str:
        state = "" if self.finished else ", unfinished"
        return (
            f"ActivationStore({str(self.folder)!r}: {len(self)} rows, layers {self.layers}, "
            f"d_model {self.d_model}, {self.manifest['settings']['dtype']}{state})"
        )

    def rows_of_shard(self, shard: int) -> range:
        """The numbers of the rows of a shard."""
        return range(self._ends[shard - 1] if shard else 0, self._ends[shard])

    def _map(self, shard: int) -> dict[str, Tensor]:
        if shard not in self._maps:
            if len(self._maps) >= MAPPED:
                del self._maps[next(iter(self._maps))]
            path = self.folder / self.manifest["shards"][shard]["file"]
            if not path.exists():
                raise CollectError(f"{str(path)!r} is missing: run the collection again to have it made")
            self._maps[shard] = map_shard(path)
        return self._maps[shard]

    def _empty(self, name: str) -> Tensor:
        if name in COLUMNS:
            return torch.empty(0, dtype=torch.int64)
        return torch.empty(0, self.d_model, dtype=getattr(torch, self.manifest["settings"]["dtype"]))
