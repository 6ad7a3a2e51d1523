"""The options of `hooking collect`: their types and their help."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

DATA = "Data"
SHAPE = "What is kept"
RUN = "How it runs"


class OnBad(Enum):
    error = "error"
    skip = "skip"


class TooLong(Enum):
    truncate = "truncate"
    split = "split"
    skip = "skip"
    error = "error"


class Dtype(Enum):
    float32 = "float32"
    float16 = "float16"
    bfloat16 = "bfloat16"
    float64 = "float64"


Data = Annotated[
    str,
    typer.Option(
        help="A .jsonl or .parquet file, a folder of them or of Dataset.save_to_disk, or - for JSONL "
        "from standard input.",
        show_default=False,
    ),
]
Layers = Annotated[
    str,
    typer.Option(
        help="Such as 2,4. Layer i is the input of block i; after the last block: the number of blocks.",
        show_default=False,
    ),
]
Out = Annotated[
    Path,
    typer.Option(help="A new folder, or one to go on with.", show_default=False),
]
Model = Annotated[
    str | None,
    typer.Option(
        help="A folder, or a name on the Hub. Default: $TUTORIAL_MODEL, or the model in the box.",
        show_default=False,
    ),
]
Column = Annotated[
    str | None,
    typer.Option(
        help="That has the texts or token ids. Default: text or input_ids.",
        show_default=False,
        rich_help_panel=DATA,
    ),
]
Split = Annotated[
    str | None, typer.Option(help="Of a saved DatasetDict.", show_default=False, rich_help_panel=DATA)
]
OnBadRecord = Annotated[
    OnBad,
    typer.Option(
        help="For a record that cannot be read: error stops, skip counts it.",
        rich_help_panel=DATA,
    ),
]
Positions = Annotated[
    str,
    typer.Option(help="all, last, or such as 0, -2,-1 or -4: in each document.", rich_help_panel=SHAPE),
]
RowDtype = Annotated[
    Dtype | None,
    typer.Option(
        help="Of the rows: float32, float16, bfloat16 or float64. Default: the model's.",
        show_default=False,
        rich_help_panel=SHAPE,
    ),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The longest piece that is run, in tokens. Default: what the model can take.",
        show_default=False,
        rich_help_panel=SHAPE,
    ),
]
TooLongDocument = Annotated[
    TooLong,
    typer.Option(
        help="For a longer document: truncate, split, skip or error.",
        rich_help_panel=SHAPE,
    ),
]
SpecialTokens = Annotated[
    bool, typer.Option(help="Have the tokenizer add its special tokens.", rich_help_panel=SHAPE)
]
SkipSpecialTokens = Annotated[
    bool,
    typer.Option(
        "--skip-special-tokens", help="Do not keep the rows of special tokens.", rich_help_panel=SHAPE
    ),
]
Statistics = Annotated[
    bool,
    typer.Option(
        "--statistics",
        help="Keep only mean, covariance and norms, and no rows.",
        rich_help_panel=SHAPE,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        help="Such as cuda:1. Default: $TUTORIAL_DEVICE; else each process its own GPU, if there is one.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
ModelDtype = Annotated[
    str | None,
    typer.Option(
        help="To run the model in. Default: as it was saved.", show_default=False, rich_help_panel=RUN
    ),
]
BatchTokens = Annotated[
    int,
    typer.Option(
        min=1, help="Padded tokens in a batch, at most: less takes less memory.", rich_help_panel=RUN
    ),
]
ShardRows = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="About how many rows a file has. Default: such that it has about 256 MiB.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Rank = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Which of the --ranks this process is. torchrun and accelerate launch say it themselves.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Ranks = Annotated[
    int | None,
    typer.Option(min=1, help="How many processes share the folder.", show_default=False, rich_help_panel=RUN),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress.", rich_help_panel=RUN)]
