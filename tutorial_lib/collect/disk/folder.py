"""The folder of a collection: begun, gone on with, and finished with a manifest."""

import json
from pathlib import Path
from typing import Any

from tutorial_lib.collect.data.chunks import Chunk
from tutorial_lib.collect.disk.provenance import Settings, digest_of
from tutorial_lib.collect.disk.shards import numbers_of, read_header, shard_path
from tutorial_lib.collect.errors import CollectError
from tutorial_lib.collect.plan import Plan
from tutorial_lib.collect.ranks import Ranks
from tutorial_lib.files import PARTIAL, remove_abandoned, write_whole

FORMAT = 1
SETTINGS = "collection.json"
MANIFEST = "manifest.json"
STATISTICS = "statistics.safetensors"


def open_together(folder: Path, settings: Settings, ranks: Ranks) -> None:
    """Rank 0 opens the folder, then the others do; all raise if one cannot."""
    for turn in (ranks.rank == 0, ranks.rank != 0):
        problem = None
        if turn:
            try:
                open_folder(folder, settings)
            except (CollectError, OSError) as error:
                problem = str(error)
        ranks.agree(problem)


def check_usable(folder: Path) -> None:
    """Raises CollectError where no collection can begin or go on: a file, or a folder of something else."""
    if folder.exists() and not folder.is_dir():
        raise CollectError(f"{str(folder)!r} is a file; out must be a new or empty folder")
    # Looked at in this order, since another rank may begin the folder in between.
    others = [path for path in folder.iterdir() if path.suffix != PARTIAL] if folder.exists() else []
    if others and not (folder / SETTINGS).exists():
        raise CollectError(
            f"{str(folder)!r} is not empty and holds no collection; out must be a new or empty folder"
        )


def open_folder(folder: Path, settings: Settings) -> None:
    """Makes the folder, or checks that what is in it was begun with the same settings.

    Raises:
        CollectError: the folder has something else in it, or a collection with other settings.
    """
    check_usable(folder)
    file = folder / SETTINGS
    if not file.exists():
        # Ranks that come here at the same time write the same.
        text = {"format": FORMAT, "settings": settings.as_json()}
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, json.dumps(text, indent=1) + "\n", durable=True)
    _check_same(file, settings)
    remove_abandoned(folder)  # of processes that were killed


def _check_same(file: Path, settings: Settings) -> None:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        there = found["settings"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CollectError(f"{str(file)!r} cannot be read: {error}") from error
    if found.get("format") != FORMAT:
        raise CollectError(f"{str(file)!r} has the format {found.get('format')}; this version knows {FORMAT}")
    if changed := settings.differs_from(there):
        raise CollectError(
            f"{str(file.parent)!r} was begun with other settings. "
            "Choose another folder, or the same settings:\n  " + "\n  ".join(changed)
        )


def is_made(folder: Path, chunk: Chunk, content: str, settings: str) -> bool:
    """Whether the shard of a chunk is there.

    Args:
        content: the hash of the chunk.
        settings: the digest of the settings.

    Raises:
        CollectError: it is, but was made of other data or with other settings.
    """
    path = shard_path(folder, chunk.number)
    if not path.exists():
        return False
    header = read_header(path)
    _check_belongs(path, header, settings)
    if header["content"] != content:
        raise CollectError(
            f"the data have changed: {path.name} was made of other {chunk}. Choose another folder for them"
        )
    return True


def _check_belongs(path: Path, header: dict[str, Any], settings: str) -> None:
    if header["settings"] != settings:
        raise CollectError(
            f"{str(path)!r} was made with other settings than {SETTINGS} beside it says; "
            "delete it to have it made again"
        )


def header_of(plan: Plan, settings: str) -> dict[str, Any]:
    """What a shard says of itself."""
    records = plan.chunk.records
    return {
        "format": FORMAT,
        "settings": settings,
        "content": plan.content,
        "first_document": records[0].index,
        "last_document": records[-1].index,
        "documents": len(records),
        "rows": plan.n_rows,
        "tokens": plan.tokens,
        "skipped": plan.skipped,
    }


def write_manifest(folder: Path, n_shards: int) -> dict[str, Any] | None:
    """Writes the manifest when all shards are there.

    Args:
        n_shards: how many there must be.

    Returns:
        The manifest. None: other ranks are not done yet.

    Raises:
        CollectError: there are more shards than the data give, or one is damaged.
    """
    numbers = numbers_of(folder)
    if extra := [number for number in numbers if number >= n_shards]:
        raise CollectError(
            f"the data have changed: they give {n_shards} shards, "
            f"and {shard_path(folder, extra[0]).name} is there"
        )
    if len(numbers) < n_shards:
        return None
    manifest = manifest_of(folder, numbers, finished=True)
    write_whole(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n", durable=True)
    return manifest


def manifest_of(folder: Path, numbers: list[int], *, finished: bool) -> dict[str, Any]:
    """What the shards of these numbers hold, as the manifest says it."""
    begun = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    settings = digest_of(begun["settings"])
    shards = []
    skipped: dict[str, int] = {}
    for number in numbers:
        path = shard_path(folder, number)
        header = read_header(path)
        _check_belongs(path, header, settings)
        for reason, count in header.pop("skipped").items():
            skipped[reason] = skipped.get(reason, 0) + count
        del header["format"], header["settings"]
        shards.append({"file": path.name, "bytes": path.stat().st_size, **header})
    counts = ("rows", "tokens", "documents", "not_finite")
    totals = {name: sum(shard[name] for shard in shards) for name in counts}
    return {
        **begun,
        "finished": finished,
        **totals,
        "skipped": dict(sorted(skipped.items())),
        "shards": shards,
    }


def read_manifest(folder: Path, *, unfinished: bool) -> dict[str, Any]:
    """The manifest of a collection; with `unfinished`, what would be in it so far where there is none yet.

    Raises:
        CollectError: there is no collection, or it is not complete.
    """
    if not (folder / SETTINGS).is_file():
        raise CollectError(f"there is no collection in {str(folder)!r}: it has no {SETTINGS}")
    file = folder / MANIFEST
    if file.is_file():
        try:
            manifest: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return manifest
        except ValueError as error:
            raise CollectError(
                f"{str(file)!r} is damaged ({error}): run the collection again to have it made"
            ) from error
    if (folder / STATISTICS).exists():
        raise CollectError(f"{str(folder)!r} holds statistics and no rows: read_statistics reads them")
    numbers = numbers_of(folder)
    if not unfinished:
        raise CollectError(
            f"the collection in {str(folder)!r} is not finished, {len(numbers)} shards are there: "
            "run it again, or open what there is with ActivationStore(..., unfinished=True)"
        )
    return manifest_of(folder, numbers, finished=False)
