"""A collection that is killed goes on to the same bytes: kill -9 at twenty random places, and at each step of
the writing of a file."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.collect.collect_data import SETTINGS, files_of, shards_in, write_data
from tests.collect.collect_forks import Ended, Forks, Kill
from tutorial_lib.collect import ActivationStore, read_statistics

SIGKILL = 9
TIMES = 20
MANIFEST, RESULT = "manifest.json", "statistics.safetensors"
pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor kill -9"),
    pytest.mark.xdist_group("killed collections"),  # one process that imports everything
    pytest.mark.slow,
]


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    with Forks(tmp_path_factory.mktemp("forks") / "log.txt") as made:
        yield made


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data = write_data(tmp_path_factory.mktemp("data") / "data.jsonl", 120)
    return {**SETTINGS, "data": str(data), "shard_rows": 300}


@pytest.fixture(scope="module")
def undisturbed(
    forks: Forks, settings: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, bytes], Ended]:
    """The files of a collection that nothing disturbed, and how long it took."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    ended = forks("rows", out, **settings)
    assert (ended.signal, shards_in(out)) == (0, 14)
    assert set(ActivationStore(out).manifest["skipped"]) == {"bad", "empty", "split at max_length"}
    return files_of(out), ended


def test_a_collection_that_is_killed_at_twenty_random_moments_goes_on_to_the_same_bytes(
    forks: Forks, settings: dict[str, Any], undisturbed: tuple[dict[str, bytes], Ended], tmp_path: Path
):
    expected, ended = undisturbed
    draw = random.Random(0)
    hits, there = 0, []
    for number in range(TIMES):
        out = tmp_path / str(number)
        killed = forks("rows", out, Kill(seconds=draw.uniform(0.02, 0.95) * ended.seconds), **settings)
        if killed.signal == SIGKILL and not (out / MANIFEST).exists():
            hits += 1
            there.append(shards_in(out))
        assert forks("rows", out, **settings).signal == 0
        assert files_of(out) == expected
    assert hits >= 15, f"of {TIMES} kills {hits} hit a collection at work"
    assert sum(count > 0 for count in there) >= 8, there
    assert len(set(there)) >= 5, there


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


def test_statistics_that_are_killed_go_on_to_the_same_bytes(
    forks: Forks, settings: dict[str, Any], tmp_path: Path
):
    settings = {name: settings[name] for name in settings if name not in ("dtype", "shard_rows")}
    ended = forks("statistics", tmp_path / "undisturbed", **settings)
    expected = files_of(tmp_path / "undisturbed")
    assert read_statistics(tmp_path / "undisturbed")["layer_3"].count > 3000
    draw = random.Random(1)
    kills = [Kill(seconds=draw.uniform(0.1, 0.95) * ended.seconds) for _ in range(6)]
    for file in ("sums-0-of-1.safetensors", RESULT):
        kills += [Kill(file=file, step=step) for step in ("half written", "after its name")]
    hits = 0
    for number, kill in enumerate(kills):
        out = tmp_path / str(number)
        killed = forks("statistics", out, kill, **settings)
        hits += killed.signal == SIGKILL and not (out / RESULT).exists()
        assert forks("statistics", out, **settings).signal == 0
        assert files_of(out) == expected, kill
    assert hits >= 6, hits
