"""A collection that is killed goes on to the same bytes: kill -9 at twenty random places, of which a push
takes five, and at each step of the writing of a file."""

import os
import random
from pathlib import Path
from typing import Any

import pytest

from tests.collect.collect_data import SETTINGS, files_of, shards_in, write_data
from tests.collect.collect_forks import Ended, Forks, Kill
from tests.turns import by_turns, deal
from tutorial_lib.collect import ActivationStore, read_statistics

SIGKILL = 9
DRAW = random.Random(0)
MOMENTS = sorted(DRAW.uniform(0.02, 0.95) for _ in range(20))  # shares of the processor time
MANIFEST, RESULT = "manifest.json", "statistics.safetensors"
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor kill -9"),
    pytest.mark.xdist_group("forks"),  # of one process that imports everything
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = write_data(tmp_path_factory.mktemp("data") / "data.jsonl", 120)
    return {**SETTINGS, "data": str(data), "shard_rows": 300}


@pytest.fixture(scope="module")
def undisturbed(
    forks: Forks, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], Ended]:
    """The files of a collection left alone, and the least time it took: with more, kills would be late."""
    folder = tmp_path_factory.mktemp("undisturbed")
    runs = [forks("rows", folder / str(number), **settings) for number in range(4)]
    ended, out = min(runs, key=lambda run: run.seconds), folder / "0"
    assert (ended.signal, shards_in(out)) == (0, 14)
    assert set(ActivationStore(out).manifest["skipped"]) == {"bad", "empty", "split at max_length"}
    return files_of(out), ended


# In order of time, so that each turn has early and late ones.
@pytest.mark.parametrize("moments", by_turns(deal(MOMENTS, 4), of=4), ids="abcd")
def test_a_collection_that_is_killed_at_random_moments_goes_on_to_the_same_bytes(
    forks: Forks,
    settings: dict[str, Any],
    undisturbed: tuple[dict[str, bytes], Ended],
    tmp_path: Path,
    moments: list[float],
):
    expected, ended = undisturbed
    hits, there = 0, []
    for number, moment in enumerate(moments):
        out = tmp_path / str(number)
        killed = forks("rows", out, Kill(seconds=moment * ended.seconds), **settings)
        if killed.signal == SIGKILL and not (out / MANIFEST).exists():
            hits += 1
            there.append(shards_in(out))
        assert forks("rows", out, **settings).signal == 0
        assert files_of(out) == expected
    assert hits >= 4, f"of {len(moments)} kills {hits} hit a collection at work"
    assert sum(count > 0 for count in there) >= 2, there
    assert len(set(there)) >= 3, there


@pytest.mark.parametrize("step", ["half written", "before its name", "after its name"])
@pytest.mark.parametrize("file", ["collection.json", "shard-00000004.safetensors", MANIFEST])
def test_a_collection_that_is_killed_while_a_file_is_written_goes_on_to_the_same_bytes(
    forks: Forks,
    settings: dict[str, Any],
    undisturbed: tuple[dict[str, bytes], Ended],
    tmp_path: Path,
    file: str,
    step: str,
):
    out = tmp_path / "out"
    assert forks("rows", out, Kill(file=file, step=step), **settings).signal == SIGKILL
    assert (out / file).exists() == (step == "after its name")
    left = [path for path in out.iterdir() if path.suffix == ".partial"]
    assert len(left) == (step != "after its name")
    assert forks("rows", out, **settings).signal == 0
    assert files_of(out) == undisturbed[0]


def test_a_collection_that_is_killed_again_and_again_makes_headway(
    forks: Forks, settings: dict[str, Any], undisturbed: tuple[dict[str, bytes], Ended], tmp_path: Path
):
    expected, ended = undisturbed
    out, counts = tmp_path / "out", [0]
    while not (out / MANIFEST).exists() and len(counts) < 12:
        forks("rows", out, Kill(seconds=0.5 * ended.seconds), **settings)
        counts.append(shards_in(out))
    assert counts == sorted(counts)
    assert len(set(counts)) >= 3, counts
    assert forks("rows", out, **settings).signal == 0
    assert files_of(out) == expected


STEPS_OF_STATISTICS = [
    Kill(file=file, step=step)
    for file in ("sums-0-of-1.safetensors", RESULT)
    for step in ("half written", "after its name")
]
MOMENTS_OF_STATISTICS = sorted(DRAW.uniform(0.1, 0.95) for _ in range(6))


@pytest.fixture(scope="module")
def statistics_undisturbed(
    forks: Forks, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], dict[str, bytes], Ended]:
    """The settings of statistics, their files when nothing disturbed them, and how long they took."""
    settings = {name: settings[name] for name in settings if name not in ("dtype", "shard_rows")}
    out = tmp_path_factory.mktemp("statistics") / "out"
    ended = forks("statistics", out, **settings)
    assert read_statistics(out)["layer_3"].count > 3000
    return settings, files_of(out), ended


def hits_statistics(forks: Forks, out: Path, kill: Kill, undisturbed: Any) -> bool:
    """Kills statistics and lets them go on to the same bytes; whether the kill hit them at work."""
    settings, expected, _ = undisturbed
    killed = forks("statistics", out, kill, **settings)
    hit = killed.signal == SIGKILL and not (out / RESULT).exists()
    assert forks("statistics", out, **settings).signal == 0
    assert files_of(out) == expected, kill
    return hit


def test_statistics_that_are_killed_while_a_file_is_written_go_on_to_the_same_bytes(
    forks: Forks, statistics_undisturbed: Any, tmp_path: Path
):
    hits = [
        hits_statistics(forks, tmp_path / str(number), kill, statistics_undisturbed)
        for number, kill in enumerate(STEPS_OF_STATISTICS)
    ]
    assert hits == [True, True, True, False]  # after the result has its name there is nothing left to do


@pytest.mark.parametrize("moments", by_turns(deal(MOMENTS_OF_STATISTICS, 3), of=3), ids="abc")
def test_statistics_that_are_killed_at_random_moments_go_on_to_the_same_bytes(
    forks: Forks, statistics_undisturbed: Any, tmp_path: Path, moments: list[float]
):
    kills = [Kill(seconds=moment * statistics_undisturbed[2].seconds) for moment in moments]
    hits = [
        hits_statistics(forks, tmp_path / str(number), kill, statistics_undisturbed)
        for number, kill in enumerate(kills)
    ]
    assert any(hits)
