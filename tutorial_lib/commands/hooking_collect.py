"""`hooking collect`: the residual streams of a data set, in a folder."""

import os
import sys
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn

import typer

from tutorial_lib.commands import collect_options as options
from tutorial_lib.commands.hooking_activations import how_far, say_notes, say_statistics
from tutorial_lib.commands.terminal import (
    UsageError,
    counted,
    quiet_transformers,
    refusing,
    say,
    split_names,
)


@refusing()
def collect_command(
    data: options.Data,
    layers: options.Layers,
    out: options.Out,
    model: options.Model = None,
    column: options.Column = None,
    split: options.Split = None,
    on_bad: options.OnBadRecord = options.OnBad.error,
    positions: options.Positions = "all",
    dtype: options.RowDtype = None,
    max_length: options.MaxLength = None,
    too_long: options.TooLongDocument = options.TooLong.truncate,
    add_special_tokens: options.SpecialTokens = True,
    skip_special_tokens: options.SkipSpecialTokens = False,
    statistics: options.Statistics = False,
    device: options.Device = None,
    model_dtype: options.ModelDtype = None,
    batch_tokens: options.BatchTokens = 4096,
    shard_rows: options.ShardRows = None,
    rank: options.Rank = None,
    ranks: options.Ranks = None,
    quiet: options.Quiet = False,
) -> None:
    """Write the residual streams of many documents to disk.

    A run that was stopped goes on with the same command. Nothing in the
    folder is overwritten. `hooking activations` shows what is in it.

    Several processes share the work of one folder when they are started by
    accelerate launch -m tutorial_lib.collect with the same options.

    Exit code 0: all is done. 2: something that was given cannot be used.
    130: stopped with Ctrl-C. What was written before stays in each case.
    """
    given = {name: value.value if isinstance(value, Enum) else value for name, value in locals().items()}
    numbers = _layers(layers)
    here = _started_as(rank)
    # First what takes no time: a missing file should not wait for torch, a wrong one not for the model.
    if data != "-" and not Path(data).expanduser().exists():
        raise UsageError(f"there is no file or folder {data!r}")
    try:
        from tutorial_lib.collect.data.records import STDIN, open_source
        from tutorial_lib.collect.disk.folder import check_usable
        from tutorial_lib.collect.options import CollectOptions
        from tutorial_lib.collect.statistics import add_up
        from tutorial_lib.collect.streams import collect_rows
        from tutorial_lib.models import load_model

        if statistics and (dtype is not None or shard_rows is not None):
            raise UsageError("--dtype and --shard-rows are for rows, and --statistics keeps none")
        asked = CollectOptions.of({**given, "progress": not quiet})
        check_usable(out)
        source = open_source(data, column=column, split=split)
        if source.name == STDIN and sys.stdin.isatty():
            say("reading JSONL from the terminal; its end is Ctrl-D", error=True)
        quiet_transformers()
        loaded, tokenizer = load_model(model, device=device or _own_device(), dtype=model_dtype)
        asked = replace(asked, tokenizer=tokenizer)
        if statistics:
            found = add_up(loaded, source, numbers, out, asked)
            if not here:
                say_statistics(found)
                say(f"The sums are in {out}")
            return
        store = collect_rows(loaded, source, numbers, out, asked)
    except (ValueError, TypeError, MemoryError, RuntimeError) as error:
        _refuse(error, here)
    except KeyboardInterrupt:
        if not here:
            _stopped(out, statistics)
        raise typer.Exit(130) from None
    if not here:
        _summary(store)


def main() -> None:
    """The command alone, as `python -m tutorial_lib.collect`."""
    app = typer.Typer(add_completion=False)
    app.command()(collect_command)
    app(prog_name="python -m tutorial_lib.collect")


def _layers(text: str) -> list[int]:
    try:
        return [int(name) for name in split_names(text)]
    except ValueError:
        raise UsageError(f"--layers must be whole numbers such as 2,4, got {text!r}") from None


def _started_as(rank: int | None) -> int:
    """Which of the processes of torchrun this is. The first one speaks for all, as does one on its own."""
    if rank is not None or int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return 0
    return int(os.environ.get("RANK", "0"))


def _own_device() -> str | None:
    """A GPU for each process of this machine, where nothing says which device to use."""
    import torch

    if os.environ.get("TUTORIAL_DEVICE") or not torch.cuda.is_available():
        return None
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"


def _refuse(error: Exception, here: int) -> NoReturn:
    """End with what is wrong. A problem that all ranks have is told by the rank that has found it."""
    import torch

    from tutorial_lib.collect.errors import ElsewhereError, OthersNotDoneError

    if isinstance(error, OthersNotDoneError):
        say(str(error))
        raise typer.Exit(0) from error
    if isinstance(error, ElsewhereError):
        raise typer.Exit(2) from error
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        raise UsageError(f"the memory is full; a lower --batch-tokens takes less: {error}") from error
    if isinstance(error, RuntimeError):
        raise error
    raise UsageError(f"rank {here}: {error}" if here else str(error)) from error


def _stopped(out: Path, statistics: bool) -> None:
    from tutorial_lib.collect import ActivationStore, CollectError

    kept = ""
    if statistics:
        kept = " The sums that were saved, one minute ago at most, are kept."
    else:
        try:
            store = ActivationStore(out, unfinished=True)
            kept = f" {len(store):,} rows are kept in {out}: {how_far(store)}."
        except (CollectError, OSError):  # it was stopped before there was a folder
            kept = " Nothing was written yet."
    say(f"Stopped.{kept} The same command goes on from there.", error=True)


def _summary(store: Any) -> None:
    manifest = store.manifest
    say(
        f"{len(store):,} rows of {counted(len(store.layers), 'layer')}, {manifest['tokens']:,} tokens of "
        f"{counted(manifest['documents'], 'document')}, in {counted(len(manifest['shards']), 'file')}: "
        f"{store.folder}"
    )
    say_notes(manifest)
    if not store.finished:
        say("This process is done; others are not yet.")
