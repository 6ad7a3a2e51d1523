"""The judge's parser of what an answer's process sends takes any bytes."""

import json
import pickle
import random
import struct
from typing import Any

import pytest
import safetensors.torch
import torch

from tutorial_lib.checker import report
from tutorial_lib.checker.observing import SEEN, Crash, Observation
from tutorial_lib.exercises.seen import Thing
from tutorial_lib.sandbox.wire import decode, encode

SEEN_VALUES = {
    "tensor": torch.tensor([[1.5, -2.0], [float("inf"), 0.0]]),
    "half": torch.tensor([1.0, 2.0], dtype=torch.bfloat16),
    "flags": torch.tensor([True, False]),
    "number": torch.tensor(7),
    "no values": torch.empty(0, 3),
    "list": [1, 2.5, None, True, "text", ["tensor", "0"], {"a": [torch.ones(2)]}],
    "thing": Thing("Handle", "<Handle object>"),
}


def frame(text: bytes, blob: bytes = b"", lengths: tuple[int, int] | None = None) -> bytes:
    return struct.pack(">QQ", *(lengths or (len(text), len(blob)))) + text + blob


def said(**changes: Any) -> bytes:
    """The JSON of an observation, with some of it changed."""
    return json.dumps({"kind": SEEN, "seen": None, "crash": None, "printed": ""} | changes).encode()


def assert_same(one: Any, other: Any) -> None:
    if isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        for name in one:
            assert_same(one[name], other[name])
    elif isinstance(one, list):
        for part, other_part in zip(one, other, strict=True):
            assert_same(part, other_part)
    else:
        assert type(one) is type(other)
        assert one == other


def test_what_was_seen_arrives_as_it_was() -> None:
    crash = Crash("ValueError", "a message", 3, "x = y", "Traceback")
    sent = [Observation(SEEN, SEEN_VALUES, printed="out"), Observation(report.CRASHED, crash=crash)]
    (first, second), fault = decode(b"".join(map(encode, sent)), 2)
    assert fault is None
    assert_same(first.seen, SEEN_VALUES)
    assert first.printed == "out"
    assert second == sent[1]


@pytest.mark.parametrize(
    "tensor",
    [torch.ones(2, dtype=torch.complex64), torch.ones(2, dtype=torch.float8_e5m2), torch.eye(2).to_sparse()],
    ids=["complex", "float8", "sparse"],
)
def test_a_tensor_that_the_judge_does_not_compare_arrives_as_a_description(tensor: torch.Tensor) -> None:
    (found,), fault = decode(encode(Observation(SEEN, tensor)), 1)
    assert fault is None
    assert found.seen == Thing("tensor", f"{list(tensor.shape)} {tensor.dtype} {tensor.layout}")


FAULTS = {
    "half a head": (b"\0" * 7, "ends in the middle"),
    "half a frame": (encode(Observation(SEEN, {"a": torch.ones(3)}))[:-1], "ends in the middle"),
    "lengths beyond the end": (frame(b"{}", lengths=(2, 1 << 63)), "ends in the middle"),
    "lengths beyond any number": (frame(b"{}", lengths=(2**64 - 1, 2**64 - 1)), "bytes of text"),
    "much text": (frame(b" " * (5 << 20)), "bytes of text"),
    "no JSON": (frame(b"\xff\xfe"), "cannot be read"),
    "a pickle": (frame(pickle.dumps({"kind": SEEN})), "cannot be read"),
    "JSON that is no object": (frame(b"[1]"), "cannot be read"),
    "lists in lists": (frame(b"[" * 1_000_000), "cannot be read"),
    "a deep value": (
        frame(said(seen=None).replace(b"null", b'["list",[' * 60 + b"1" + b"]]" * 60, 1)),
        "deep",
    ),
    "a field that is missing": (frame(b'{"kind": "seen"}'), "cannot be read"),
    "the judge's own word": (frame(said(kind="passed")), "unknown kind"),
    "another word of the judge": (frame(said(kind="no checks")), "unknown kind"),
    "a kind that is no text": (frame(said(kind=["seen"])), "a text belongs"),
    "a tensor that is not there": (frame(said(seen=["tensor", "0"])), "cannot be read"),
    "a value of an unknown sort": (frame(said(seen=["pickle", "gASV"])), "unknown sort"),
    "an object as a value": (frame(said(seen={"a": 1, "b": 2})), "unknown sort"),
    "a very large number": (frame(said(seen=1 << 200)), "64 bits"),
    "a number of very many digits": (
        frame(said(seen=None).replace(b"null", b"9" * 10_000, 1)),
        "cannot be read",
    ),
    "a line that is no number": (
        frame(said(crash={"type_name": "", "message": "", "line": "1", "code": "", "traceback": ""})),
        "no number",
    ),
    **{
        f"the line {line}": (
            frame(said(crash={"type_name": "", "message": "", "line": line, "code": "", "traceback": ""})),
            "no number",
        )
        for line in (-1, 1 << 31, True)
    },
    "a text that is a number": (frame(said(printed=5)), "a text belongs"),
    "tensors that are none": (frame(said(), b"\x10" + b"\0" * 7 + b"x" * 100), "tensors"),
    "a long list of tensors": (frame(said(), b"\xff\xff\xff\0\0\0\0\0" + b" " * 100), "megabyte"),
    "a tensor larger than its bytes": (
        frame(said(), safetensors.torch.save({"0": torch.ones(4)}).replace(b"[4]", b"[9]")),
        "tensors",
    ),
    "a tensor of an unknown type": (
        frame(said(), safetensors.torch.save({"0": torch.ones(4)}).replace(b'"F32"', b'"Q99"')),
        "tensors",
    ),
    "a tensor of a pickle's class": (
        frame(said(), safetensors.torch.save({"0": torch.ones(4)}).replace(b'"F32"', b'"OBJ"')),
        "tensors",
    ),
}


@pytest.mark.parametrize(("data", "words"), FAULTS.values(), ids=FAULTS)
def test_what_is_no_frame_is_said_in_words(data: bytes, words: str) -> None:
    good = encode(Observation(SEEN, {"a": 1}))
    found, fault = decode(good + data, 3)
    assert found == [Observation(SEEN, {"a": 1})]
    assert fault is not None
    assert words in fault


def test_more_results_than_were_asked_for_are_a_fault() -> None:
    found, fault = decode(3 * encode(Observation(SEEN, {})), 2)
    assert len(found) == 2
    assert fault is not None
    assert "more than the 2" in fault


def test_no_bytes_break_the_parser() -> None:
    draw = random.Random(0)
    good = b"".join(encode(Observation(SEEN, {"a": torch.ones(3), "b": [1, "x"]})) for _ in range(2))
    for _ in range(2_000):
        data = bytearray(good)
        for _ in range(draw.choice([1, 2, 8])):
            data[draw.randrange(len(data))] = draw.randrange(256)
        decode(bytes(data), 2)
        decode(draw.randbytes(draw.randrange(200)), 2)


def test_a_forged_flag_is_zero_or_one() -> None:
    data = encode(Observation(SEEN, {"flags": torch.tensor([True, False])}))
    at = data.rindex(b"\x01\x00")
    found, _ = decode(data[:at] + b"\x07" + data[at + 1 :], 1)
    assert found[0].seen["flags"].dtype == torch.bool
    assert found[0].seen["flags"].view(torch.uint8).tolist() == [1, 0]


def test_texts_can_be_written_to_any_file_and_do_not_differ_between_runs() -> None:
    odd = "\ud800 \x1b[2J \x00 <Handle at 0x7f30a2b4c5d0>"
    sent = Observation(SEEN, {odd: [odd, Thing("T", odd)]}, Crash("E", odd, 1, odd, odd), odd)
    found, fault = decode(encode(sent), 1)
    assert fault is None
    clean = "\ufffd \ufffd[2J \ufffd <Handle at 0x...>"
    assert found == [
        Observation(SEEN, {clean: [clean, Thing("T", clean)]}, Crash("E", clean, 1, clean, clean), clean)
    ]


def test_a_text_is_no_longer_than_an_honest_one() -> None:
    found, _ = decode(frame(said(seen="x" * 100_000, printed="y" * 100_000)), 1)
    assert len(found[0].seen) == 2_000
    assert len(found[0].printed) == 10_000
