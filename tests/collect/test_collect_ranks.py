"""Several processes share one collection and give the bytes of one: started by torchrun, by accelerate, or by
nothing that would know of them.

A launcher loads PyTorch in itself and in each process, so a push starts one of them at most, by turns. What a
process group does is tested on each push, in processes that are forked with a launcher's environment.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import typer
from typer.testing import CliRunner

from tests.collect.collect_data import SETTINGS, files_of, shards_in, write_data
from tests.collect.collect_forks import ENVIRONMENT, ROOT
from tests.collect.collect_in_a_group import CHUNK_ROWS
from tests.turns import by_turns
from tutorial_lib.collect import (
    ActivationStore,
    collect_residual_streams,
    collect_statistics,
    read_statistics,
    statistics,
)
from tutorial_lib.collect.errors import OthersNotDoneError
from tutorial_lib.commands.hooking_collect import collect_command
from tutorial_lib.files import PARTIAL

OPTIONS = "--layers 1,3 --dtype float16 --on-bad skip --batch-tokens 512 --max-length 50 --too-long split"
SHARED: dict[str, Any] = {**SETTINGS, "shard_rows": CHUNK_ROWS, "progress": False}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("forks"),  # several processes each: not several of these tests at once
    pytest.mark.skipif(
        sys.platform == "win32", reason="the launchers and kill -9 are those of Linux and macOS"
    ),
]


def torchrun(processes: int, *program: str) -> list[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    return [*launcher, "--nproc-per-node", str(processes), "-m", *program]


def accelerate(processes: int, *program: str) -> list[str]:
    options = "--num_machines 1 --mixed_precision no --dynamo_backend no --main_process_port 0"
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", *options.split()]
    return [*launcher, "--num_processes", str(processes), "-m", *program]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data") / "data.jsonl", 240)


@pytest.fixture(scope="module")
def command(data: Path) -> Callable[[Path], list[str]]:
    """What makes the collection of `one_process` in the folder that it is given."""
    return lambda out: [
        *f"tutorial_lib.collect --data {data} {OPTIONS} --shard-rows {CHUNK_ROWS} --quiet".split(),
        "--out",
        str(out),
    ]


@pytest.fixture(scope="module")
def one_process(
    data: Path, loaded_box: tuple[Any, Any], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The files of the collection that one process makes."""
    model, tokenizer = loaded_box
    out = tmp_path_factory.mktemp("one") / "out"
    assert collect_residual_streams(model, data, out=out, tokenizer=tokenizer, **SHARED).finished
    assert shards_in(out) > 20
    return files_of(out)


@pytest.fixture
def start() -> Iterator[Callable[[list[str]], "subprocess.Popen[str]"]]:
    """Starts a command; what is left of it at the end of the test is ended."""
    started: list[subprocess.Popen[str]] = []

    def begin(command: list[str]) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, **ENVIRONMENT, "COLUMNS": "200"},
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
        process.communicate()


def end(process: "subprocess.Popen[str]") -> tuple[int, str]:
    """Its exit code and what it said, in one line. One that hangs fails the test."""
    said, _ = process.communicate(timeout=300)
    return process.returncode, " ".join(said.split())


def workers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    """The processes that a launcher started, in the order of their ranks."""
    children = psutil.Process(process.pid).children(recursive=True)
    ranks = [(child.environ().get("RANK"), child) for child in children]
    return [child for rank, child in sorted(ranks, key=lambda each: each[0] or "") if rank is not None]


@pytest.mark.turn(0, 6)
def test_two_processes_of_accelerate_launch_give_the_bytes_of_one(start, command, one_process, tmp_path):
    code, said = end(start(accelerate(2, *command(tmp_path / "out"))))
    assert code == 0, said
    assert files_of(tmp_path / "out") == one_process


@pytest.mark.turn(2, 6)
def test_a_killed_process_ends_torchrun_and_the_work_goes_on_to_the_same_bytes(
    start, command, one_process, data, box, tmp_path
):
    out = tmp_path / "out"
    launcher = start(torchrun(2, *command(out)))
    until = time.monotonic() + 120
    while shards_in(out) < 4:
        assert launcher.poll() is None, end(launcher)
        assert time.monotonic() < until
        time.sleep(0.01)
    workers_of(launcher)[1].send_signal(signal.SIGKILL)
    code, said = end(launcher)
    assert code != 0
    assert "SIGKILL" in said
    assert 4 <= shards_in(out) < len(one_process) - 2, "the kill came too late"
    (out / "shard-00000001.safetensors.1-0a1b2c3d.partial").write_bytes(b"half")  # as a kill may leave it
    shutil.copytree(out, tmp_path / "copy")

    code, said = end(start(torchrun(2, *command(out))))
    assert code == 0, said
    assert files_of(out) == one_process

    model, tokenizer = box  # another number of processes: one
    collect_residual_streams(model, data, out=tmp_path / "copy", tokenizer=tokenizer, **SHARED)
    assert files_of(tmp_path / "copy") == one_process


@pytest.fixture
def bad_data(data: Path, tmp_path: Path) -> str:
    """Prepares a folder for `collect_in_a_group`; the words that name the bad line in its data."""
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("of somebody else")
    good = [line for line in data.read_text().splitlines() if line.endswith('"}')]
    (tmp_path / "bad.jsonl").write_text("\n".join([*good, "no JSON"]) + "\n")
    return f"bad.jsonl, line {len(good) + 1} is no JSON"


@pytest.mark.turn(4, 6)
def test_three_processes_of_torchrun_give_the_bytes_and_statistics_of_one_and_an_error_of_one_ends_all(
    start, one_process, data, bad_data, box, tmp_path, monkeypatch
):
    code, said = end(start(torchrun(3, "tests.collect.collect_in_a_group", str(data), str(tmp_path))))
    assert all((tmp_path / f"told-{rank}.json").exists() for rank in range(3)), said
    check_group_of_three(tmp_path, one_process, statistics_in_chunks(box, data, monkeypatch))
    assert code != 0
    assert bad_data in said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_three_processes_of_a_group_give_the_bytes_and_statistics_of_one_and_an_error_of_one_ends_all(
    forks, one_process, data, bad_data, box, tmp_path, monkeypatch
):
    with pytest.raises(RuntimeError, match=bad_data):
        forks("group", tmp_path, ranks=3, data=str(data))
    check_group_of_three(tmp_path, one_process, statistics_in_chunks(box, data, monkeypatch))


def statistics_in_chunks(box: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The statistics of one process."""
    monkeypatch.setattr(statistics, "CHUNK_ROWS", CHUNK_ROWS)
    return statistics_of(box, data)


def check_group_of_three(out: Path, one_process: dict[str, bytes], one: Any) -> None:
    """Compares what three processes of `collect_in_a_group` made and told with the work of one."""
    told = [json.loads((out / f"told-{rank}.json").read_text()) for rank in range(3)]
    assert files_of(out / "rows") == one_process

    assert [each["size"] for each in told] == [3, 3, 3]
    assert all("is not empty and holds no collection" in each["reason"] for each in told)
    assert [path.name for path in (out / "used").iterdir()] == ["notes.txt"]

    assert one["layer_3"].count > 5000
    assert [each["counts"] for each in told] == 3 * [{name: each.count for name, each in one.items()}]
    assert_same_statistics(read_statistics(out / "statistics"), one)

    # The last thing that they do ends with an error on one of them.
    assert shards_in(out / "bad") > 0
    assert not (out / "bad" / "manifest.json").exists()


def test_ranks_without_a_process_group_make_their_shards_one_after_the_other(
    command, one_process, tmp_path, monkeypatch
):
    monkeypatch.delenv("TUTORIAL_MODEL", raising=False)
    out, app = tmp_path / "out", typer.Typer()
    app.command()(collect_command)
    for rank in (1, 0):
        done = CliRunner().invoke(app, [*command(out)[1:], "--rank", str(rank), "--ranks", "2"])
        assert done.exit_code == 0, done.output
        if rank == 1:
            assert "This process is done; others are not yet." in done.output
            assert not ActivationStore(out, unfinished=True).finished
            assert {int(path.name[6:14]) % 2 for path in out.glob("shard-*")} == {1}
    assert files_of(out) == one_process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
@pytest.mark.parametrize("repetition", by_turns(range(4), of=2))
def test_ranks_without_a_process_group_share_a_folder_at_the_same_time(
    forks, data, one_process, tmp_path, repetition
):
    forks("rows", tmp_path / "out", ranks=3, data=str(data), shard_rows=CHUNK_ROWS, **SETTINGS)
    assert files_of(tmp_path / "out") == one_process


@pytest.mark.skipif(not hasattr(os, "fork"), reason="files are not locked on Windows, and leftovers stay")
def test_a_rank_does_not_touch_what_another_is_writing(box, data, one_process, tmp_path):
    import fcntl

    written, left = (tmp_path / f"manifest.json.{letters}{PARTIAL}" for letters in ("0a1b2c3d", "4e5f6a7b"))
    for path in (written, left):
        path.write_bytes(b"half")
    model, tokenizer = box
    with open(written, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        collect_residual_streams(model, data, out=tmp_path, tokenizer=tokenizer, **SHARED, rank=0, ranks=2)
    assert [path for path in tmp_path.iterdir() if path.suffix == PARTIAL] == [written]


def test_statistics_of_ranks_without_a_process_group_are_those_of_one(box, data, tmp_path, monkeypatch):
    monkeypatch.setattr(statistics, "CHUNK_ROWS", CHUNK_ROWS)
    with pytest.raises(OthersNotDoneError, match=r"sums-0-of-2\.safetensors of the others are not yet"):
        statistics_of(box, data, out=tmp_path, rank=1, ranks=2)
    assert len(list(tmp_path.glob("sums-*"))) == 1
    statistics_of(box, data, out=tmp_path, rank=0, ranks=2)
    assert_same_statistics(read_statistics(tmp_path), statistics_of(box, data))


def statistics_of(box: Any, data: Path, **options: Any) -> Any:
    model, tokenizer = box
    settings = {name: value for name, value in SETTINGS.items() if name != "dtype"}
    return collect_statistics(model, data, tokenizer=tokenizer, progress=False, **settings, **options)


def assert_same_statistics(found: Any, expected: Any) -> None:
    """But for the rounding of float64: sums of ranks are added in another order."""
    assert found.keys() == expected.keys()
    for name, one in expected.items():
        each = found[name]
        assert each.count == one.count
        torch.testing.assert_close(each.mean, one.mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(each.covariance, one.covariance, rtol=1e-10, atol=1e-12)
        assert each.norm_mean == pytest.approx(one.norm_mean, rel=1e-12)
        assert each.norm_std == pytest.approx(one.norm_std, rel=1e-10)
        assert (each.norm_min, each.norm_max) == (one.norm_min, one.norm_max)
