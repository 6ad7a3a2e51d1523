"""What a caller of `collect_residual_streams` or `collect_statistics` asked for, checked once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import torch

from tutorial_lib.collect.data.where import Where, check_where
from tutorial_lib.collect.errors import CollectError, check_at_least_one
from tutorial_lib.collect.ranks import check_rank

TooLong: TypeAlias = Literal["truncate", "split", "skip", "error"]
OnBad: TypeAlias = Literal["error", "skip"]
CHOICES = {
    "too_long": get_args(TooLong),
    "on_bad": get_args(OnBad),
    "dtype": (None, "float32", "float16", "bfloat16", "float64"),
}


@dataclass(frozen=True)
class CollectOptions:
    """The keyword arguments of `collect_residual_streams`, where they are explained.

    Raises:
        CollectError: one cannot be used, whatever the model.
    """

    tokenizer: Any = None
    positions: Where = "all"
    dtype: torch.dtype | str | None = None
    column: str | None = None
    split: str | None = None
    max_length: int | None = None
    too_long: TooLong = "truncate"
    on_bad: OnBad = "error"
    add_special_tokens: bool = True
    skip_special_tokens: bool = False
    batch_tokens: int = 4096
    shard_rows: int | None = None
    rank: int | None = None
    ranks: int | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        if self.dtype is not None:
            object.__setattr__(self, "dtype", str(self.dtype).removeprefix("torch."))
        for name, choices in CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                known = ", ".join(repr(choice) for choice in choices if choice is not None)
                raise CollectError(f"{name} must be one of {known}, got {value!r}")
        for name in ("max_length", "batch_tokens", "shard_rows"):
            if (value := getattr(self, name)) is not None:
                check_at_least_one(name, value)
        check_rank(self.rank, self.ranks)
        object.__setattr__(self, "positions", check_where(self.positions))

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> "CollectOptions":
        """Those of a function's arguments, its `locals()`, that are options."""
        return cls(**{name: given[name] for name in cls.__dataclass_fields__ if name in given})
