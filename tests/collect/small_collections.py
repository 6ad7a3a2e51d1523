"""Small data and the rows that they must give, for the tests of collections."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from tutorial_lib import cache_residual_streams, find_blocks


def token_lists(n: int = 12, vocab: int = 60, longest: int = 9, seed: int = 0) -> list[list[int]]:
    """Documents of 1 to `longest` token ids, of many lengths."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (n,), generator=generator).tolist()
    return [torch.randint(5, vocab, (length,), generator=generator).tolist() for length in lengths]


def streams(model: Any, documents: list[list[int]], layer: int) -> torch.Tensor:
    """The stream of each document, run alone, one under the other: `[tokens, d_model]`."""
    found = []
    for ids in documents:
        cache, _ = cache_residual_streams(model, torch.tensor([ids]), [layer])
        found.append(cache[f"layer_{layer}"][0])
    return torch.cat(found)


def contents(folder: Path) -> dict[str, bytes]:
    """The bytes of all files in a folder, by name."""
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def failing_after(n: int, error: BaseException) -> Callable[..., None]:
    """A hook that raises in its n-th call."""
    calls = []

    def fail(module: Any, args: Any) -> None:
        calls.append(1)
        if len(calls) == n:
            raise error

    return fail


def stop_after(model: Any, calls: int) -> Any:
    """As Ctrl-C in the n-th pass of a model: the handle of a hook that raises then."""
    return find_blocks(model)[0].register_forward_pre_hook(failing_after(calls, KeyboardInterrupt()))
