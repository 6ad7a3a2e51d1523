"""How what was seen of an answer travels: JSON for plain values, safetensors for tensors.

The reader takes any bytes. What is no frame, or too large, is a `FrameError` and nothing else; a pickle is
only bytes here. A frame can be forged by the answer that it is about, so a reader believes nothing but its
form: no kind but those of `KINDS`, no text longer than an honest frame has.
"""

import json
import re
import struct
from dataclasses import asdict
from typing import Any

import safetensors.torch
import torch

from tutorial_lib.checker import report
from tutorial_lib.checker.answer_file import Crash
from tutorial_lib.checker.observing import PRINTED, SEEN, Observation
from tutorial_lib.exercises.seen import LONGEST, Thing

# Never "passed" or "failed": these are the judge's own words.
KINDS = (
    SEEN,
    report.NOT_ATTEMPTED,
    report.EMPTY,
    report.SYNTAX_ERROR,
    report.MISSING,
    report.CRASHED,
    report.EXITED,
    report.OUT_OF_MEMORY,
)
_DTYPES = (
    torch.bool,
    torch.uint8,
    torch.int8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
)
_HEAD = struct.Struct(">QQ")  # lengths of the JSON and of the tensors
_LONGEST_JSON = 4 << 20  # small, since a list of lists takes twenty times the room once it is read
_LONGEST_TENSOR_HEADER = 1 << 20
_DEEPEST = 50
_LARGEST_INT = 1 << 63
# Half a character, and what would speak to a terminal or is forbidden in XML.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")


class FrameError(Exception):
    """Bytes that are no frame; the message says what is wrong with them, in plain words."""


def encode(observation: Observation) -> bytes:
    """One observation as a frame."""
    tensors: dict[str, torch.Tensor] = {}
    values = {
        "kind": observation.kind,
        "seen": _packed(observation.seen, tensors),
        "crash": asdict(observation.crash) if observation.crash else None,
        "printed": observation.printed,
    }
    text = json.dumps(values).encode()
    blob = safetensors.torch.save(tensors) if tensors else b""
    return _HEAD.pack(len(text), len(blob)) + text + blob


def decode(data: bytes | bytearray, most: int) -> tuple[list[Observation], str | None]:
    """The observations in what a process sent, and what is wrong with the rest.

    Args:
        data: any bytes.
        most: how many frames there may be.

    Returns:
        The observations up to the first fault, and the fault in words, or None.
    """
    found: list[Observation] = []
    at = 0
    while at < len(data):
        try:
            if len(found) == most:
                raise FrameError(f"there is more than the {most} results that were asked for")
            observation, at = _frame(memoryview(data), at)
        except FrameError as error:
            return found, str(error)
        found.append(observation)
    return found, None


def _frame(data: memoryview, at: int) -> tuple[Observation, int]:
    if len(data) - at < _HEAD.size:
        raise FrameError("it ends in the middle of a result")
    text_length, blob_length = _HEAD.unpack_from(data, at)
    start = at + _HEAD.size
    end = start + text_length + blob_length
    if text_length > _LONGEST_JSON:
        raise FrameError(f"a result has {text_length} bytes of text, and may have {_LONGEST_JSON}")
    if end > len(data):
        raise FrameError("it ends in the middle of a result")
    tensors = _tensors(bytes(data[start + text_length : end]))
    try:
        values = json.loads(bytes(data[start : start + text_length]))
        return _observation(values, tensors), end
    except FrameError:
        raise
    except Exception as error:  # of any class: nothing is known about the bytes
        raise FrameError(f"a result cannot be read ({type(error).__name__})") from None


def _packed(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """A plain value as JSON has it: lists, dicts, things and tensors become lists with a tag."""
    if value is None or type(value) in (bool, float):
        return value
    if type(value) is str:
        return value[:LONGEST]
    if type(value) is int:
        return value if -_LARGEST_INT <= value < _LARGEST_INT else ["thing", "int", "a very large number"]
    if isinstance(value, torch.Tensor):
        if value.layout != torch.strided or value.dtype not in _DTYPES:
            return ["thing", "tensor", f"{list(value.shape)} {value.dtype} {value.layout}"]
        tensors[str(len(tensors))] = value
        return ["tensor", str(len(tensors) - 1)]
    if isinstance(value, dict):
        return ["dict", [[str(name), _packed(part, tensors)] for name, part in value.items()]]
    if isinstance(value, list):
        return ["list", [_packed(part, tensors) for part in value]]
    if isinstance(value, Thing):
        return ["thing", value.type_name, value.text]
    return ["thing", type(value).__name__, ""]


def _unpacked(value: Any, tensors: dict[str, torch.Tensor], depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise FrameError(f"a result is nested more than {_DEEPEST} deep")
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        if not -_LARGEST_INT <= value < _LARGEST_INT:
            raise FrameError("a result has a number of more than 64 bits")
        return value
    if isinstance(value, str):
        return _text(value, LONGEST)
    tag, *rest = value
    if tag == "tensor":
        return tensors[rest[0]]
    if tag == "thing":
        return Thing(_text(rest[0], LONGEST), _text(rest[1], LONGEST))
    if tag == "list":
        return [_unpacked(part, tensors, depth + 1) for part in rest[0]]
    if tag == "dict":
        return {_text(name, LONGEST): _unpacked(part, tensors, depth + 1) for name, part in rest[0]}
    raise FrameError(f"a result has a value of an unknown sort, {_text(tag, 40)!r}")


def _tensors(blob: bytes) -> dict[str, torch.Tensor]:
    if not blob:
        return {}
    if int.from_bytes(blob[:8], "little") > _LONGEST_TENSOR_HEADER:
        raise FrameError("a result has more tensors than can be listed in a megabyte")
    try:
        loaded = safetensors.torch.load(blob)
        # Copied, so aligned; and a forged bool may be a byte that is neither 0 nor 1.
        return {
            name: tensor.view(torch.uint8) != 0 if tensor.dtype == torch.bool else tensor.clone()
            for name, tensor in loaded.items()
        }
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # also a panic of the Rust below, which is no Exception
        raise FrameError(f"the tensors of a result cannot be read ({type(error).__name__})") from None


def _observation(values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> Observation:
    kind, crash = values["kind"], values["crash"]
    if kind not in KINDS:
        raise FrameError(f"a result is of an unknown kind, {_text(kind, 40)!r}")
    return Observation(
        kind,
        _unpacked(values["seen"], tensors),
        None if crash is None else _crash(crash),
        _text(values["printed"], PRINTED),
    )


def _crash(values: dict[str, Any]) -> Crash:
    line = values["line"]
    if type(line) is not int or not 0 <= line < 1 << 31:
        raise FrameError("a result has a line that is no number")
    return Crash(
        _text(values["type_name"], 200),
        _text(values["message"], LONGEST),
        line,
        _text(values["code"], LONGEST),
        _text(values["traceback"], 4_000),
    )


def _text(value: Any, longest: int) -> str:
    """A text that can be written to any file, and has no addresses, which differ between runs.

    Raises:
        FrameError: it is no text.
    """
    if not isinstance(value, str):
        raise FrameError("a result has something else where a text belongs")
    writable = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value[:longest])
    return _ADDRESS.sub("0x...", writable)
