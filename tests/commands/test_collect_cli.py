"""`hooking collect` and `hooking activations`, as a user meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tests.collect.small_collections import contents, stop_after
from tests.tiny_families import build
from tutorial_lib import find_blocks
from tutorial_lib.cli import app
from tutorial_lib.collect import ActivationStore, collect_residual_streams, progress_report

LINES = ["The capital of France is Paris .", "", "Anna gave the book to Tom .", "the dog"] * 3


def hooking(*arguments: Any, stdin: str | bytes | None = None):
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200"}, input=stdin)


def refused(*arguments: Any) -> str:
    run = hooking(*arguments)
    assert run.exit_code == 2, run.output
    assert run.stdout == ""
    return run.stderr


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("TUTORIAL_MODEL", "TUTORIAL_DEVICE", "WORLD_SIZE", "RANK", "MASTER_ADDR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def data(tmp_path) -> Path:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in LINES))
    return path


@pytest.fixture
def no_model(monkeypatch):
    """Loading a model fails the test."""

    def load(*args, **given):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("tutorial_lib.models.load_model", load)


def test_collect_writes_what_the_function_writes_and_says_so(box, data, tmp_path):
    model, tokenizer = box
    run = hooking("collect", "--data", data, "--layers", "2,4", "--out", tmp_path / "out")
    assert run.exit_code == 0, run.output
    expected = collect_residual_streams(
        model, data, [2, 4], tmp_path / "same", tokenizer=tokenizer, progress=False
    )
    rows = len(expected)
    assert run.stdout.splitlines() == [
        f"{rows} rows of 2 layers, {rows} tokens of 12 documents, in 1 file: {tmp_path / 'out'}",
        "3 documents empty",
    ]
    assert contents(tmp_path / "out") == contents(tmp_path / "same")


def test_every_option_reaches_the_collection(data, tmp_path):
    out = tmp_path / "out"
    options = "--layers 1 --positions -2: --dtype float16 --max-length 5 --too-long split --no-special-tokens"
    more = (
        "--skip-special-tokens --batch-tokens 64 --shard-rows 9 --on-bad skip --model-dtype bfloat16 --quiet"
    )
    run = hooking(
        "collect", "--data", data, "--out", out, "--column", "text", *options.split(), *more.split()
    )
    assert run.exit_code == 0, run.output
    settings = ActivationStore(out).manifest["settings"]
    assert settings["layers"] == [1]
    assert settings["positions"] == "-2:None:None"
    assert settings["dtype"] == "float16"
    assert settings["model_dtype"] == "bfloat16"
    assert (settings["max_length"], settings["too_long"]) == (5, "split")
    assert settings["add_special_tokens"] is False
    assert settings["skip_tokens"] != []
    assert (settings["batch_tokens"], settings["shard_rows"]) == (64, 9)


def test_lines_from_standard_input_are_read(tmp_path):
    stdin = json.dumps({"text": LINES[0]}) + "\n"
    run = hooking("collect", "--data", "-", "--layers", 1, "--out", tmp_path / "out", stdin=stdin)
    assert run.exit_code == 0, run.output
    assert " of 1 document," in run.stdout


def test_what_was_collected_can_be_looked_at(data, tmp_path):
    out = tmp_path / "out"
    assert hooking("collect", "--data", data, "--layers", "2", "--out", out).exit_code == 0
    run = hooking("activations", out, "--verify")
    assert run.exit_code == 0, run.output
    said = {line.split()[0]: line for line in run.stdout.splitlines()}
    store = ActivationStore(out)
    assert "the model in the box" in said["model"]
    assert "2 of LlamaForCausalLM" in said["layers"]
    assert f"{len(store)} of 128 numbers, float32" in said["rows"]
    assert f"12 documents, {len(store)} tokens were run" in said["data"]
    assert " KiB in 1 file" in run.stdout
    assert "3 documents empty" in run.stdout
    assert run.stdout.endswith("All of it is what was written.\n")


def test_activations_as_json_is_one_object(data, tmp_path):
    out = tmp_path / "out"
    hooking("collect", "--data", data, "--layers", "2", "--out", out)
    found = json.loads(hooking("activations", out, "--json").stdout)
    assert found["finished"] is True
    assert (found["documents"], found["skipped"], found["verified"]) == (12, {"empty": 3}, None)
    assert found["bytes"] == sum(path.stat().st_size for path in out.glob("shard-*"))
    assert json.loads(hooking("activations", out, "--json", "--verify").stdout)["verified"] is True


def test_activations_writes_a_dataset(data, tmp_path):
    import datasets

    out = tmp_path / "out"
    hooking("collect", "--data", data, "--layers", "2", "--out", out)
    run = hooking("activations", out, "--to-dataset", tmp_path / "dataset")
    assert run.exit_code == 0, run.output
    assert run.stdout.endswith(f"Written as a dataset: {tmp_path / 'dataset'}\n")
    assert len(datasets.load_from_disk(str(tmp_path / "dataset"))) == len(ActivationStore(out))
    assert "is there already" in refused("activations", out, "--to-dataset", tmp_path / "dataset")


def test_a_damaged_shard_is_exit_code_2(data, tmp_path):
    out = tmp_path / "out"
    hooking("collect", "--data", data, "--layers", "2", "--out", out)
    shard = next(out.glob("shard-*"))
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    assert "is not what was written" in refused("activations", out, "--verify")


def test_statistics_are_said_and_can_be_looked_at(data, tmp_path):
    out = tmp_path / "out"
    run = hooking("collect", "--data", data, "--layers", "1,2", "--out", out, "--statistics")
    assert run.exit_code == 0, run.output
    first, second, last = run.stdout.splitlines()
    assert first.startswith("layer_1: ")
    assert " rows, norm " in second
    assert last == f"The sums are in {out}"
    assert hooking("activations", out).stdout.splitlines() == [first, second]
    found = json.loads(hooking("activations", out, "--json").stdout)
    assert set(found["statistics"]) == {"layer_1", "layer_2"}
    assert "no rows to verify or to export" in refused("activations", out, "--verify")


def test_statistics_of_one_row_are_json(tmp_path):
    (tmp_path / "one.jsonl").write_text('{"text": "the dog"}\n')
    options = ("--layers", 1, "--positions", "last", "--statistics")
    run = hooking("collect", "--data", tmp_path / "one.jsonl", "--out", tmp_path / "out", *options)
    assert run.exit_code == 0, run.output
    assert "1 row, norm" in run.stdout
    text = hooking("activations", tmp_path / "out", "--json").stdout
    assert "NaN" not in text
    assert json.loads(text)["statistics"]["layer_1"]["norm_std"] is None


# What is refused, before a model is loaded.


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"--data": "no.jsonl"}, "error: there is no file or folder 'no.jsonl'"),
        ({"--layers": "two"}, "error: --layers must be whole numbers such as 2,4, got 'two'"),
        ({"--positions": "first"}, 'error: positions must be "all", "last"'),
        ({"--split": "train"}, "has no splits"),
        ({"--too-long": "cut"}, "'cut' is not one of 'truncate', 'split', 'skip', 'error'"),
        ({"--on-bad": "ignore"}, "'ignore' is not one of 'error', 'skip'"),
        ({"--dtype": "int8"}, "'int8' is not one of 'float32'"),
        ({"--max-length": "0"}, "--max-length"),
        ({"--rank": "1"}, "error: give the rank and the number of ranks together, got 1 and None"),
        ({"--rank": "2", "--ranks": "2"}, "error: rank 2 is out of range"),
        ({"--out": "."}, "is not empty and holds no collection"),
        ({"--statistics": None, "--dtype": "float16"}, "error: --dtype and --shard-rows are for rows"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_told_before_a_model_is_loaded(
    data, tmp_path, no_model, monkeypatch, given, message
):
    monkeypatch.chdir(tmp_path)
    options = {"--data": str(data), "--layers": "2", "--out": "new", **given}
    arguments = [part for pair in options.items() for part in pair if part is not None]
    assert message in " ".join(refused("collect", *arguments).split())
    assert not (tmp_path / "new").exists()


def test_what_only_the_model_can_tell_is_refused_as_well(data, tmp_path):
    shared = ("collect", "--data", data, "--out", tmp_path / "out")
    assert refused(*shared, "--layers", 9) == (
        "error: layer 9 is out of range: the model has 4 blocks, use 0 to 4\n"
    )
    assert "could not load a model" in refused(*shared, "--layers", 1, "--model", "/no/such/model")
    assert "device 'tpu'" in refused(*shared, "--layers", 1, "--device", "tpu")
    assert not (tmp_path / "out").exists()


def test_a_bad_line_is_an_error_with_its_file_and_number(tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text('{"text": "the dog"}\nnonsense\n')
    said = refused("collect", "--data", path, "--layers", 1, "--out", tmp_path / "out")
    assert said.startswith(f"error: {path}, line 2 is no JSON")
    run = hooking("collect", "--data", path, "--layers", 1, "--out", tmp_path / "out", "--on-bad", "skip")
    assert run.exit_code == 0, run.output
    assert "1 document bad" in run.stdout


def test_activations_of_a_folder_without_a_collection_are_refused(tmp_path):
    assert "there is no collection in" in refused("activations", tmp_path)
    assert "there is no collection in" in refused("activations", tmp_path / "nowhere")


# Being stopped, and speaking for others.


@pytest.fixture
def tiny(monkeypatch, tmp_path):
    """The command loads a tiny random model, which this gives; its data are token ids."""
    model = build("llama")
    monkeypatch.setattr("tutorial_lib.models.load_model", lambda *args, **given: (model, None))
    path = tmp_path / "ids.jsonl"
    path.write_text("".join(f"[{n}, 6, 7, 8]\n" for n in range(5, 25)))
    return model, ("collect", "--data", path, "--layers", "2", "--shard-rows", 8, "--batch-tokens", 8)


def test_ctrl_c_says_what_is_kept_and_the_same_command_goes_on(tiny, tmp_path):
    model, command = tiny
    out = tmp_path / "out"
    handle = stop_after(model, 6)
    run = hooking(*command, "--out", out)
    handle.remove()
    assert run.exit_code == 130
    assert run.stdout == ""
    rows = len(ActivationStore(out, unfinished=True))
    assert 0 < rows < 80
    assert f"Stopped. {rows} rows are kept in {out}: it has come to document " in run.stderr
    assert run.stderr.endswith("The same command goes on from there.\n")
    assert "Not finished: it has come to document" in hooking("activations", out).stdout
    assert "is not finished: run it to its end first" in refused("activations", out, "--to-dataset", "x")
    run = hooking(*command, "--out", out)
    assert run.exit_code == 0
    assert len(ActivationStore(out)) == 80


def test_ctrl_c_before_there_is_anything_says_so(tiny, tmp_path, monkeypatch):
    def stop(*args, **given):
        raise KeyboardInterrupt

    monkeypatch.setattr("tutorial_lib.models.load_model", stop)
    run = hooking(*tiny[1], "--out", tmp_path / "out")
    assert run.exit_code == 130
    assert run.stderr == "Stopped. Nothing was written yet. The same command goes on from there.\n"


def test_only_the_first_process_speaks(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, speaks in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        run = hooking(*tiny[1], "--out", tmp_path / rank)
        assert run.exit_code == 0, run.output
        assert bool(run.stdout) == speaks
    assert "error: rank 1: positions must be" in refused(
        *tiny[1], "--out", tmp_path / "x", "--positions", "no"
    )


def test_each_of_several_ranks_without_a_group_says_whether_all_is_done(tiny, tmp_path):
    command = (*tiny[1], "--out", tmp_path / "out", "--ranks", 2, "--rank")
    run = hooking(*command, 1)
    assert run.exit_code == 0
    assert run.stdout.endswith("This process is done; others are not yet.\n")
    assert "others are not" not in hooking(*command, 0).stdout
    assert ActivationStore(tmp_path / "out").finished


def test_ranks_of_statistics_that_wait_for_others_are_not_an_error(tiny, tmp_path):
    _, command = tiny
    shared = ("collect", *command[1:5], "--out", tmp_path / "out", "--statistics", "--ranks", 2, "--rank")
    run = hooking(*shared, 1)
    assert (run.exit_code, run.stderr) == (0, "")
    assert "this rank is done; sums-0-of-2.safetensors of the others are not yet" in run.stdout
    assert "layer_2: 80 rows" in hooking(*shared, 0).stdout


def test_full_memory_names_the_option_that_takes_less(tiny, tmp_path):
    model, command = tiny

    def full(module, args):
        raise torch.OutOfMemoryError("no memory")

    handle = find_blocks(model)[0].register_forward_pre_hook(full)
    said = refused(*command, "--out", tmp_path / "out")
    handle.remove()
    assert "the memory is full; a lower --batch-tokens takes less" in said


# Progress.


def test_lines_instead_of_a_bar_where_there_is_no_terminal(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(progress_report, "LINE_EVERY", 0.0)
    run = hooking(*tiny[1], "--out", tmp_path / "out")
    lines = run.stderr.splitlines()
    assert lines[-1].startswith("collecting: 100%, 80 tokens, ")
    assert lines[-1].endswith(" tokens/s, 0:00:00 left")
    assert hooking(*tiny[1], "--out", tmp_path / "again", "--quiet").stderr == ""


def test_a_bar_on_a_terminal_shows_share_speed_and_time_left(data, tmp_path):
    import pty

    command = [sys.executable, "-m", "tutorial_lib.collect", "--data", str(data), "--layers", "1"]
    main, side = pty.openpty()
    run = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        stderr=side,
        stdout=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(side)
    shown = b""
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:  # Linux says so when the other side is closed
            break
        if not part:
            break
        shown += part
    output, _ = run.communicate()
    os.close(main)
    assert run.returncode == 0
    assert b"100%" in shown
    assert b"tokens/s" in shown
    assert b"left" in shown
    assert b"Loading" not in shown  # the bars of transformers
    assert b" of 12 documents, in 1 file" in output


def test_help_names_each_choice(tmp_path):
    said = hooking("collect", "--help").stdout
    for word in ("--data", "truncate|split|skip|error", "float32|float16|bfloat16|float64", "130"):
        assert word in said
    assert "--verify" in hooking("activations", "--help").stdout
