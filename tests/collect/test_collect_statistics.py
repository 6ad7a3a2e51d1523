"""Statistics over rows that are not kept are those of the rows."""

from typing import Any

import numpy as np
import pytest
import torch

from tests.collect.small_collections import contents, stop_after, streams, token_lists
from tests.tiny_families import hooks_on
from tutorial_lib import find_blocks
from tutorial_lib.collect import (
    ActivationStore,
    CollectError,
    collect_residual_streams,
    collect_statistics,
    read_statistics,
    statistics,
)
from tutorial_lib.collect.errors import OthersNotDoneError
from tutorial_lib.collect.moments import Moments

DATA = token_lists(20)


def collect(model: Any, out: Any = None, data: Any = DATA, layers: Any = (1, 3), **given: Any) -> Any:
    return collect_statistics(model, data, layers, out, **{"progress": False, "batch_tokens": 32, **given})


def check(found: Any, rows: torch.Tensor, tolerance: float = 1e-9) -> None:
    """Compares with what NumPy says in float64."""
    wide = rows.double().numpy()
    norms = np.linalg.norm(wide, axis=1)
    assert found.count == len(wide)
    np.testing.assert_allclose(found.mean, wide.mean(0), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.covariance, np.cov(wide, rowvar=False), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(found.std, wide.std(0, ddof=1), rtol=tolerance, atol=tolerance)
    expected = [norms.mean(), norms.std(ddof=1), norms.min(), norms.max()]
    given = [found.norm_mean, found.norm_std, found.norm_min, found.norm_max]
    np.testing.assert_allclose(given, expected, rtol=tolerance, atol=tolerance)


def test_statistics_are_those_that_numpy_finds_in_the_rows(llama):
    found = collect(llama)
    assert list(found) == ["layer_1", "layer_3"]
    for layer in (1, 3):
        check(found[f"layer_{layer}"], streams(llama, DATA, layer), tolerance=1e-5)


def test_statistics_are_those_of_the_rows_of_the_same_collection(llama, tmp_path):
    store = collect_residual_streams(llama, DATA, [3], tmp_path, batch_tokens=32, progress=False)
    check(collect(llama, layers=[3])["layer_3"], store.stream(3)[:])


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_merged_moments_are_those_of_all_rows_also_far_from_zero(parts):
    rows = torch.randn(50, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 1e6
    moments = Moments(6)
    for part in rows.tensor_split(parts):
        other = Moments(6)
        other.add(part)
        moments.merge(other)
    moments.merge(Moments(6))
    moments.add(rows[:0])
    check(moments.statistics(), rows, tolerance=1e-8)


def test_constant_rows_have_a_covariance_of_zero():
    moments = Moments(3)
    for _ in range(5):
        moments.add(torch.full((4, 3), 0.1))
    found = moments.statistics()
    assert found.count == 20
    np.testing.assert_allclose(found.covariance, np.zeros((3, 3)), atol=1e-16)
    assert found.norm_min == found.norm_max


def test_one_row_has_a_mean_and_no_covariance(llama):
    found = collect(llama, data=[[7]])["layer_1"]
    assert found.count == 1
    assert torch.equal(found.mean, streams(llama, [[7]], 1)[0].double())
    assert found.covariance.isnan().all()
    assert found.norm_std != found.norm_std


def test_no_row_gives_a_count_of_zero(llama):
    assert collect(llama, data=[[]])["layer_1"].count == 0


def test_what_was_written_is_read_back(llama, tmp_path):
    found = collect(llama, tmp_path)
    read = read_statistics(tmp_path)
    assert list(read) == list(found)
    assert torch.equal(read["layer_3"].covariance, found["layer_3"].covariance)
    assert read["layer_3"].norm_max == found["layer_3"].norm_max
    with pytest.raises(CollectError, match="holds statistics and no rows: read_statistics reads them"):
        ActivationStore(tmp_path, unfinished=True)


@pytest.fixture
def small_steps(monkeypatch):
    """Sums are saved after each chunk, and chunks are small."""
    monkeypatch.setattr(statistics, "SAVE_EVERY", -1.0)
    monkeypatch.setattr(statistics, "CHUNK_ROWS", 20)


def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(llama, tmp_path, small_steps):
    whole = collect(llama, tmp_path / "whole")
    for calls in (3, 4):
        handle = stop_after(llama, calls)
        with pytest.raises(KeyboardInterrupt):
            collect(llama, tmp_path / "stopped")
        handle.remove()
        assert hooks_on(llama) == []
    with pytest.raises(CollectError, match="there are no finished statistics"):
        read_statistics(tmp_path / "stopped")
    passes = []
    handle = find_blocks(llama)[0].register_forward_pre_hook(lambda module, args: passes.append(1))
    found = collect(llama, tmp_path / "stopped")
    handle.remove()
    assert torch.equal(found["layer_3"].covariance, whole["layer_3"].covariance)
    assert contents(tmp_path / "stopped") == contents(tmp_path / "whole")
    n_all = []
    handle = find_blocks(llama)[0].register_forward_pre_hook(lambda module, args: n_all.append(1))
    collect(llama)
    handle.remove()
    assert len(passes) < len(n_all)


@pytest.mark.parametrize(
    "data", [[[9, 9, 9], *DATA[1:]], DATA[:1]], ids=["another document", "fewer documents"]
)
def test_changed_data_are_noticed_when_it_goes_on(llama, tmp_path, small_steps, data):
    collect(llama, tmp_path)
    before = contents(tmp_path)
    with pytest.raises(CollectError, match=r"the data have changed: the sums in .* are of other documents"):
        collect(llama, tmp_path, data)
    assert contents(tmp_path) == before


def test_other_settings_are_refused(llama, tmp_path):
    collect(llama, tmp_path)
    with pytest.raises(CollectError, match="positions: 'all' there, 'last' now"):
        collect(llama, tmp_path, positions="last")


def test_sums_of_other_settings_in_the_folder_are_refused(llama, tmp_path):
    collect(llama, tmp_path / "one")
    collect(llama, tmp_path / "two", positions="last")
    sums = "sums-0-of-1.safetensors"
    (tmp_path / "one" / sums).write_bytes((tmp_path / "two" / sums).read_bytes())
    with pytest.raises(CollectError, match=r"sums-0-of-1\.safetensors' was made with other settings; delete"):
        collect(llama, tmp_path / "one")


def test_ranks_without_a_group_are_merged_by_the_last_one(llama, tmp_path, small_steps):
    with pytest.raises(
        OthersNotDoneError, match=r"this rank is done; sums-0-of-2\.safetensors of the others"
    ):
        collect(llama, tmp_path, rank=1, ranks=2)
    assert not (tmp_path / "statistics.safetensors").exists()
    merged = collect(llama, tmp_path, rank=0, ranks=2)
    check(merged["layer_3"], streams(llama, DATA, 3), tolerance=1e-5)


def test_sums_that_another_rank_has_not_finished_are_not_merged(llama, tmp_path, small_steps):
    handle = stop_after(llama, 4)
    with pytest.raises(KeyboardInterrupt):
        collect(llama, tmp_path, rank=0, ranks=2)
    handle.remove()
    assert (tmp_path / "sums-0-of-2.safetensors").exists()
    with pytest.raises(OthersNotDoneError, match="sums-0-of-2"):
        collect(llama, tmp_path, rank=1, ranks=2)
    assert not (tmp_path / "statistics.safetensors").exists()


def test_ranks_without_a_group_need_a_folder(llama):
    with pytest.raises(CollectError, match="need a folder: give `out`"):
        collect(llama, rank=0, ranks=2)


def test_positions_and_dtype_of_the_model_count_as_in_a_collection(llama):
    found = collect(llama, positions="last")["layer_1"]
    ends = streams(llama, DATA, 1)[torch.tensor([len(ids) for ids in DATA]).cumsum(0) - 1]
    check(found, ends, tolerance=1e-5)
