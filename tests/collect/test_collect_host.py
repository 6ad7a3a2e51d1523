"""Rows come from the device to the host unchanged, however many are on their way."""

import pytest
import torch
from torch import Tensor

from tutorial_lib.collect.host_copies import DEPTH, HostCopies

LAYERS = (1, 4)
WIDTH = 256


def expected(base: Tensor, number: int) -> Tensor:
    """What batch `number` is, computed from `base` on any device: of another length each time, some empty."""
    return base[: (number * 37) % len(base)] * float(number + 1)


def batches(device: str, count: int) -> tuple[list[dict[int, Tensor]], list[int], Tensor]:
    """Sends batches, and gives what arrived, how many had arrived after each `send`, and their base."""
    base = torch.randn(500, WIDTH, generator=torch.Generator().manual_seed(0))
    there = base.to(device)
    slow = torch.randn(1500, 1500, device=device) if device == "cuda" else None
    copies, arrived, waiting = HostCopies(torch.float16), [], []
    for number in range(count):
        if slow is not None:
            slow = (
                slow @ slow.T / 1500
            )  # what is sent is computed after it, so a copy without waiting is wrong
            there = there + 0 * slow[0, 0].nan_to_num()
        rows = {layer: expected(there, number) + layer for layer in LAYERS}
        copies.send(rows, lambda found: arrived.append({at: each.clone() for at, each in found.items()}))
        waiting.append(number + 1 - len(arrived))
        del rows
        torch.full(
            (2, 500, WIDTH), torch.nan, device=device
        )  # would lie over rows that were given up too early
    copies.flush()
    return arrived, waiting, base


def assert_as_a_plain_copy(arrived: list[dict[int, Tensor]], base: Tensor) -> None:
    for number, found in enumerate(arrived):
        for layer in LAYERS:
            assert torch.equal(found[layer], (expected(base, number) + layer).to(torch.float16))
            assert found[layer].device.type == "cpu"


def test_on_a_cpu_rows_arrive_at_once():
    arrived, waiting, base = batches("cpu", 20)
    assert len(arrived) == 20
    assert waiting == [0] * 20
    assert_as_a_plain_copy(arrived, base)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_on_cuda_rows_arrive_later_as_a_plain_copy_would_bring_them():
    arrived, waiting, base = batches("cuda", 300)
    assert len(arrived) == 300
    assert set(waiting[DEPTH:]) == {DEPTH}
    assert_as_a_plain_copy(arrived, base)
