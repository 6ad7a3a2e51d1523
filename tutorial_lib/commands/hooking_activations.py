"""`hooking activations`: what a collection holds, whether it is whole, and a dataset made from it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tutorial_lib.commands.terminal import UsageError, counted, refusing, say


@refusing()
def activations_command(
    directory: Annotated[
        Path,
        typer.Argument(metavar="DIR", help="A folder of `hooking collect`.", show_default=False),
    ],
    verify: Annotated[
        bool,
        typer.Option("--verify", help="Read all of it and compare it with the hashes that were written."),
    ] = False,
    to_dataset: Annotated[
        Path | None,
        typer.Option(
            help="Write the rows as a dataset of the datasets library, into this new folder.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Show what a folder of activations holds: the model, the layers, and what was skipped.

    Exit code 0: all is well. 2: there is no collection, or something in it is missing or damaged.
    """
    from tutorial_lib.collect import ActivationStore, CollectError, read_statistics  # torch takes seconds
    from tutorial_lib.collect.disk.folder import STATISTICS

    try:
        if (directory / STATISTICS).is_file():
            if verify or to_dataset is not None:
                raise UsageError(f"{str(directory)!r} holds statistics: no rows to verify or to export")
            statistics = read_statistics(directory)
            _print_json(_of_statistics(directory, statistics)) if as_json else say_statistics(statistics)
            return
        store = ActivationStore(directory, unfinished=True)
        if to_dataset is not None and not store.finished:
            raise UsageError(f"the collection in {str(directory)!r} is not finished: run it to its end first")
        if verify:
            store.verify(progress=not quiet)
        if to_dataset is not None:
            store.to_dataset(to_dataset, progress=not quiet)
    except CollectError as error:
        raise UsageError(str(error)) from error
    if as_json:
        return _print_json({**_as_json(store), "verified": True if verify else None})
    _print(store)
    if verify:
        say("All of it is what was written.")
    if to_dataset is not None:
        say(f"Written as a dataset: {to_dataset}")


def say_statistics(found: dict[str, Any]) -> None:
    """A line for each layer."""
    for name, each in found.items():
        spread = "" if each.count < 2 else f" ± {each.norm_std:.4g}"
        say(f"{name}: {counted(each.count, 'row')}, norm {each.norm_mean:.4g}{spread}")


def say_notes(manifest: dict[str, Any]) -> None:
    """What was left out of a collection, and what is odd about its rows."""
    for reason, count in manifest["skipped"].items():
        say(f"{counted(count, 'document')} {reason}")
    if manifest["not_finite"]:
        ends = "; float16 ends at 65,504, bfloat16 does not" if _is_half(manifest) else ""
        say(f"{counted(manifest['not_finite'], 'row')} with inf or NaN{ends}")


def shown_bytes(number: float) -> str:
    """Such as "1.5 GiB"."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:,.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"


def _is_half(manifest: dict[str, Any]) -> bool:
    return bool(manifest["settings"]["dtype"] == "float16")


def _as_json(store: Any) -> dict[str, Any]:
    manifest = store.manifest
    names = ("finished", "rows", "tokens", "documents", "skipped", "not_finite", "settings")
    files = {"files": len(manifest["shards"]), "bytes": _bytes(store)}
    return {"folder": str(store.folder), **{name: manifest[name] for name in names}, **files}


def _of_statistics(directory: Path, found: dict[str, Any]) -> dict[str, Any]:
    names = ("count", "norm_mean", "norm_std", "norm_min", "norm_max")
    layers = {}
    for key, each in found.items():
        values = {name: getattr(each, name) for name in names}
        layers[key] = {name: None if value != value else value for name, value in values.items()}  # NaN
    return {"folder": str(directory), "statistics": layers}


def _print_json(found: dict[str, Any]) -> None:
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _bytes(store: Any) -> int:
    return sum(shard["bytes"] for shard in store.manifest["shards"])


def _print(store: Any) -> None:
    manifest, settings = store.manifest, store.manifest["settings"]
    revision = f" at {settings['revision']}" if settings["revision"] else ""
    facts = {
        "model": f"{_model_name(settings)}{revision}",
        "layers": f"{', '.join(map(str, store.layers))} of {settings['model_class']}",
        "rows": f"{len(store):,} of {store.d_model} numbers, {settings['dtype']}",
        "positions": str(settings["positions"]),
        "data": f"{counted(manifest['documents'], 'document')}, {manifest['tokens']:,} tokens were run",
        "on disk": f"{shown_bytes(_bytes(store))} in {counted(len(manifest['shards']), 'file')}",
    }
    for name, value in facts.items():
        say(f"{name:9}  {value}")
    say_notes(manifest)
    if not store.finished:
        say(f"Not finished: {how_far(store)}. The command that began it goes on with it.")


def _model_name(settings: dict[str, Any]) -> str:
    from tutorial_lib import tiny_model

    name = settings["model"] or settings["model_class"]
    return "the model in the box" if name == str(tiny_model.path()) else str(name)


def how_far(store: Any) -> str:
    """What of an unfinished collection is there."""
    shards = store.manifest["shards"]
    if not shards:
        return "no file is there yet"
    gaps = int(shards[-1]["file"].split("-")[1].split(".")[0]) + 1 - len(shards)
    missing = f", {counted(gaps, 'file')} before it missing" if gaps else ""
    return f"it has come to document {shards[-1]['last_document']:,}{missing}"
