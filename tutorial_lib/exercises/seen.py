"""What was seen of an answer, as plain values for another process: no code, no objects of the student's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

LONGEST = 2_000  # characters that are kept of a text


@dataclass(frozen=True)
class Thing:
    """In the place of an object that is no plain value: its type and the start of its repr."""

    type_name: str
    text: str


def plain(value: Any) -> Any:
    """A value as None, bool, int, float, str, tensor on the CPU, `Thing`, or lists and dicts of these.

    Tensors are copied, so a later edit in place does not show; a tuple becomes a list.
    """
    if value is None or type(value) in (bool, int, float):
        return value
    if type(value) is str:
        return value[:LONGEST]
    if isinstance(value, torch.Tensor):
        return value.detach().to("cpu", copy=True).contiguous()
    if isinstance(value, Mapping) and type(value) is dict:
        return {str(name)[:LONGEST]: plain(part) for name, part in value.items()}
    if type(value) in (list, tuple):
        return [plain(part) for part in value]
    return Thing(type(value).__name__[:LONGEST], _repr(value))


def describe(value: Any) -> str:
    """A value in one line, for a message: a sentence as it is, a tensor by shape and first values."""
    if isinstance(value, str):
        return value
    if isinstance(value, Thing):
        return f"a {value.type_name}: {_short(value.text)}"
    if isinstance(value, torch.Tensor):
        kind = f"tensor {list(value.shape)} {str(value.dtype).removeprefix('torch.')}"
        numbers = value.detach().flatten()[:4].tolist()
        first = ", ".join(f"{n:.4g}" for n in numbers)
        more = ", ..." if value.numel() > 4 else ""
        return f"{kind} with {first}{more}" if numbers else kind
    if isinstance(value, list) and any(isinstance(part, (torch.Tensor, Thing)) for part in value):
        return _short(f"list of {len(value)}: " + "; ".join(describe(part) for part in value[:3]))
    return _short(repr(value))


def _repr(value: Any) -> str:
    try:
        return repr(value)[:LONGEST]
    except Exception as error:  # of any class: it is the student's __repr__
        return f"<repr raised {type(error).__name__}>"


def _short(text: str, length: int = 160) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 3] + "..."
