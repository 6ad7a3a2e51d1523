"""`hooking collect`: the residual streams of a data set, in a folder."""

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from tutorial_lib.commands.common import UsageError, counted, refusing, say, split_names

DATA = "Data"
SHAPE = "What is kept"
RUN = "How it runs"


@refusing()
def collect_command(
    data: Annotated[
        str,
        typer.Option(
            help="A .jsonl or .parquet file, a folder of them or of Dataset.save_to_disk, or - for JSONL "
            "from standard input.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ],
    layers: Annotated[
        str,
        typer.Option(
            help="Such as 2,4. Layer i is the input of block i; at the number of blocks: the last output.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(help="A new folder, or one to go on with.", show_default=False),
    ],
    model: Annotated[
        str | None,
        typer.Option(
            help="A folder, or a name on the Hub. Default: $TUTORIAL_MODEL, or the model in the box.",
            show_default=False,
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(
            help="That has the texts or token ids. Default: text or input_ids.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of a saved DatasetDict.", show_default=False, rich_help_panel=DATA)
    ] = None,
    on_bad: Annotated[
        str,
        typer.Option(help="For a record that cannot be read: error or skip.", rich_help_panel=DATA),
    ] = "error",
    positions: Annotated[
        str,
        typer.Option(help="all, last, or such as 0, -2,-1 or -4: in each document.", rich_help_panel=SHAPE),
    ] = "all",
    dtype: Annotated[
        str | None,
        typer.Option(
            help="float32, float16, bfloat16 or float64. Default: the model's.",
            show_default=False,
            rich_help_panel=SHAPE,
        ),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            help="The longest piece that is run, in tokens. Default: what the model can take.",
            show_default=False,
            rich_help_panel=SHAPE,
        ),
    ] = None,
    too_long: Annotated[
        str,
        typer.Option(help="For a longer document: truncate, split, skip or error.", rich_help_panel=SHAPE),
    ] = "truncate",
    special_tokens: Annotated[
        bool, typer.Option(help="Have the tokenizer add its special tokens.", rich_help_panel=SHAPE)
    ] = True,
    skip_special_tokens: Annotated[
        bool, typer.Option(help="Do not keep the rows of special tokens.", rich_help_panel=SHAPE)
    ] = False,
    statistics: Annotated[
        bool,
        typer.Option(
            help="Keep only mean, covariance and norms, and no rows.",
            rich_help_panel=SHAPE,
        ),
    ] = False,
    device: Annotated[
        str | None,
        typer.Option(
            help="Such as cuda:1. Default: $TUTORIAL_DEVICE; else each process its own GPU, if there is one.",
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = None,
    model_dtype: Annotated[
        str | None,
        typer.Option(
            help="To run the model in. Default: as it was saved.", show_default=False, rich_help_panel=RUN
        ),
    ] = None,
    batch_tokens: Annotated[
        int, typer.Option(help="Padded tokens in a batch, at most.", rich_help_panel=RUN)
    ] = 4096,
    shard_rows: Annotated[
        int | None,
        typer.Option(
            help="About how many rows a file has. Default: such that it has about 256 MiB.",
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            help="Which of the --ranks this process is. torchrun and accelerate launch say it themselves.",
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = None,
    ranks: Annotated[
        int | None,
        typer.Option(help="How many processes share the folder.", show_default=False, rich_help_panel=RUN),
    ] = None,
    quiet: Annotated[bool, typer.Option(help="No progress.", rich_help_panel=RUN)] = False,
) -> None:
    """Write the residual streams of many documents to disk.

    A run that was stopped goes on with the same command. Nothing in the folder is overwritten. To share the
    work of one folder: accelerate launch -m tutorial_lib.collect with the same options.

    Exit code 0: all is done. 2: something that was given cannot be used; what was written before stays.
    """
    numbers = _layers(layers)
    from tutorial_lib.collect import collect_residual_streams, collect_statistics  # torch takes seconds
    from tutorial_lib.models import load_model

    try:
        loaded, tokenizer = load_model(model, device=device or _own_device(), dtype=model_dtype)
    except ValueError as error:
        raise UsageError(str(error)) from error
    shared: dict[str, Any] = dict(
        tokenizer=tokenizer,
        positions=positions,
        column=column,
        split=split,
        max_length=max_length,
        too_long=too_long,
        on_bad=on_bad,
        add_special_tokens=special_tokens,
        skip_special_tokens=skip_special_tokens,
        batch_tokens=batch_tokens,
        rank=rank,
        ranks=ranks,
        progress=not quiet,
    )
    try:
        if statistics:
            if dtype is not None or shard_rows is not None:
                raise UsageError("--dtype and --shard-rows are for rows, and --statistics keeps none")
            found = collect_statistics(loaded, data, numbers, out, **shared)
            for name, each in found.items():
                say(f"{name}: {each.count:,} rows, norm {each.norm_mean:.4g} ± {each.norm_std:.4g}")
            return
        store = collect_residual_streams(
            loaded, data, numbers, out, dtype=dtype, shard_rows=shard_rows, **shared
        )
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from error
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


def _own_device() -> str | None:
    """A GPU for each process of this machine, where nothing says which device to use."""
    import torch

    if os.environ.get("TUTORIAL_DEVICE") or not torch.cuda.is_available():
        return None
    return f"cuda:{int(os.environ.get('LOCAL_RANK', '0')) % torch.cuda.device_count()}"


def _summary(store: Any) -> None:
    manifest = store.manifest
    say(
        f"{len(store):,} rows of {counted(len(store.layers), 'layer')}, {manifest['tokens']:,} tokens of "
        f"{manifest['documents']:,} documents, in {counted(len(manifest['shards']), 'file')}: {store.folder}"
    )
    for reason, count in manifest["skipped"].items():
        say(f"{count:,} documents {reason}")
    if not store.finished:
        say("This process is done; others are not yet.")
