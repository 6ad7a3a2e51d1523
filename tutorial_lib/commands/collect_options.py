"""The options of `hooking collect`: their types and their help."""

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

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


def _option(help: str, *names: str, of: str | None = None, least: int | None = None) -> Any:
    """An option in the group `of`, with its least value."""
    return typer.Option(*names, help=help, rich_help_panel=of, min=least)


Data = Annotated[
    str,
    _option(
        "A .jsonl or .parquet file, a folder of them or of Dataset.save_to_disk, or - for JSONL "
        "from standard input."
    ),
]
Layers = Annotated[
    str, _option("Such as 2,4. Layer i is the input of block i; after the last block: the number of blocks.")
]
Out = Annotated[Path, _option("A new folder, or one to go on with.")]
Model = Annotated[
    str | None, _option("A folder, or a name on the Hub. Default: $TUTORIAL_MODEL, or the model in the box.")
]
Column = Annotated[
    str | None, _option("That has the texts or token ids. Default: text or input_ids.", of=DATA)
]
Split = Annotated[str | None, _option("Of a saved DatasetDict.", of=DATA)]
OnBadRecord = Annotated[
    OnBad, _option("For a record that cannot be read: error stops, skip counts it.", of=DATA)
]
Positions = Annotated[str, _option("all, last, or such as 0, -2,-1 or -4: in each document.", of=SHAPE)]
RowDtype = Annotated[
    Dtype | None,
    _option("Of the rows: float32, float16, bfloat16 or float64. Default: the model's.", of=SHAPE),
]
MaxLength = Annotated[
    int | None,
    _option("The longest piece that is run, in tokens. Default: what the model can take.", of=SHAPE, least=1),
]
TooLongDocument = Annotated[
    TooLong, _option("For a longer document: truncate, split, skip or error.", of=SHAPE)
]
SpecialTokens = Annotated[
    bool,
    _option("Have the tokenizer add its special tokens.", "--special-tokens/--no-special-tokens", of=SHAPE),
]
SkipSpecialTokens = Annotated[
    bool, _option("Do not keep the rows of special tokens.", "--skip-special-tokens", of=SHAPE)
]
Statistics = Annotated[
    bool, _option("Keep only mean, covariance and norms, and no rows.", "--statistics", of=SHAPE)
]
Device = Annotated[
    str | None,
    _option(
        "Such as cuda:1. Default: $TUTORIAL_DEVICE; else each process its own GPU, if there is one.", of=RUN
    ),
]
ModelDtype = Annotated[str | None, _option("To run the model in. Default: as it was saved.", of=RUN)]
BatchTokens = Annotated[
    int, _option("Padded tokens in a batch, at most: less takes less memory.", of=RUN, least=1)
]
ShardRows = Annotated[
    int | None,
    _option("About how many rows a file has. Default: such that it has about 256 MiB.", of=RUN, least=1),
]
Rank = Annotated[
    int | None,
    _option(
        "Which of the --ranks this process is. torchrun and accelerate launch say it themselves.",
        of=RUN,
        least=0,
    ),
]
Ranks = Annotated[int | None, _option("How many processes share the folder.", of=RUN, least=1)]
Quiet = Annotated[bool, _option("No progress.", "--quiet", of=RUN)]
