"""A checksum of weights notices every change, and only changes."""

import pytest
import torch
from torch import Tensor, nn

from tutorial_lib.collect.disk.provenance import AT_ONCE, checksum_of_weights


def checksum(tensor: Tensor) -> str:
    model = nn.Module()
    model.register_buffer("weight", tensor)
    return checksum_of_weights(model)


def numbers(dtype: torch.dtype, count: int = 1003) -> Tensor:
    drawn = torch.randint(0, 100, (count,), generator=torch.Generator().manual_seed(0))
    return drawn > 50 if dtype == torch.bool else drawn.to(dtype)


@pytest.mark.parametrize(
    "dtype",
    [torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int8, torch.bool, torch.complex64],
    ids=str,
)
def test_each_number_and_its_place_count_in_every_dtype(dtype: torch.dtype):
    given = numbers(dtype)
    for place in (0, 1, 500, 1000, 1002):  # the last ones do not fill eight bytes in most dtypes
        changed = given.clone()
        changed[place] = ~changed[place] if dtype == torch.bool else changed[place] + 1
        assert checksum(changed) != checksum(given)
    first, second = 3, next(at for at in range(4, 1003) if given[at] != given[3])
    swapped = given.clone()
    swapped[[first, second]] = given[[second, first]]
    assert checksum(swapped) != checksum(given)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.int8], ids=str)
def test_where_a_tensor_lies_in_memory_does_not_count(dtype: torch.dtype):
    given = numbers(dtype)
    assert checksum(torch.cat([given[:1], given])[1:]) == checksum(given)
    square = given[:900].reshape(30, 30)
    assert checksum(square.T.contiguous().T) == checksum(square)


def test_the_order_of_what_is_added_up_at_once_counts():
    given = torch.arange(4 * AT_ONCE, dtype=torch.float32)  # twice as many as are added up at once
    assert checksum(given.roll(2 * AT_ONCE)) != checksum(given)


def test_a_tensor_of_nothing_and_one_of_a_single_number_have_a_checksum():
    assert checksum(torch.empty(0)) != checksum(torch.tensor(3.0))


@pytest.mark.parametrize(
    "other",
    [
        {"bias": torch.zeros(4)},
        {"weight": torch.zeros(2, 2)},
        {"weight": torch.zeros(4, dtype=torch.int32)},
        {"weight": torch.zeros(4), "bias": torch.zeros(0)},
    ],
    ids=["name", "shape", "dtype", "one more"],
)
def test_the_name_the_shape_and_the_dtype_of_a_tensor_count(other: dict[str, Tensor]):
    model = nn.Module()
    for name, tensor in other.items():
        model.register_buffer(name, tensor)
    assert checksum_of_weights(model) != checksum(torch.zeros(4))
