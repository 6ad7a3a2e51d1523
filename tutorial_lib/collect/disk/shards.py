"""The files of a collection: one for each chunk, there as a whole or not at all."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from tutorial_lib.collect.errors import CollectError
from tutorial_lib.files import growing

_NAME = re.compile(r"shard-(\d{8})\.safetensors")
_HEADER = "collection"  # one key: the format does not keep the order of several, and bytes must repeat


def shard_path(folder: Path, number: int) -> Path:
    return folder / f"shard-{number:08d}.safetensors"


def numbers_of(folder: Path) -> list[int]:
    """Of the shards in a folder."""
    found = (_NAME.fullmatch(path.name) for path in folder.iterdir())
    return sorted(int(match[1]) for match in found if match)


def write_shard(path: Path, tensors: dict[str, Tensor], header: dict[str, Any]) -> None:
    """Write a shard under another name, and rename it when all of it is on the disk.

    safetensors' own `save_file` goes by a hidden file that a killed process leaves behind, makes one that
    only its owner may read, and hides the error of the system in a text.

    Args:
        path: where it will be.
        tensors: on the host. A hash of each is put into the header.
        header: what the shard says of itself.

    Raises:
        OSError: the disk is full, for example. Nothing of the shard is left then.
    """
    hashes = {name: hash_of(tensor) for name, tensor in tensors.items()}
    text = json.dumps({**header, "sha256": hashes}, sort_keys=True)
    try:
        with growing(path) as file:
            file.write(save(tensors, metadata={_HEADER: text}))
    except OSError as error:
        raise OSError(
            f"could not write {path.name}: {error}. The shards before it are whole; "
            "make room and give the same command again"
        ) from error


def read_header(path: Path) -> dict[str, Any]:
    """What a shard says of itself.

    Raises:
        CollectError: it is no shard of a collection, or damaged.
    """
    try:
        with safe_open(path, "pt") as file:
            header: dict[str, Any] = json.loads((file.metadata() or {})[_HEADER])
            return header
    except (SafetensorError, KeyError, ValueError, OSError) as error:
        raise CollectError(
            f"{str(path)!r} is damaged, or no shard of a collection ({error}); "
            "delete it to have it made again"
        ) from error


def map_shard(path: Path) -> dict[str, Tensor]:
    """Its tensors, mapped into memory: the disk is read where a row is used."""
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict


def hash_of(tensor: Tensor) -> str:
    """SHA-256 of its bytes in row order."""
    if tensor.numel() == 0:  # its strides may not allow another view
        return hashlib.sha256().hexdigest()
    array: Any = tensor.contiguous().flatten().view(torch.uint8).numpy()
    return hashlib.sha256(array).hexdigest()
