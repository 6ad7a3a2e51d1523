"""The benchmark runs, and notices a variant that is wrong before it times it."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import subprocess
import sys

import pytest
import torch

from benchmarks import ordinary, peers, run, timing
from benchmarks.equal import check, expected
from benchmarks.variant import TASKS, Variant
from benchmarks.workload import SIZES, build
from tests import ROOT
from tutorial_lib import leftover_hooks

SMALL = dataclasses.replace(SIZES["tiny"], layers=2, hidden=32, calls=1, turns=1)


@pytest.fixture(scope="module")
def job():
    return build(SMALL)


@pytest.fixture(scope="module")
def right(job):
    return expected(job)


def reading(job, change=lambda streams: streams, task="all"):
    """A variant whose capture is right but for `change`."""
    blocks = job.model.model.layers

    def read():
        streams = {}
        handles = [
            block.register_forward_pre_hook(
                lambda module, args, layer=layer: streams.update({layer: args[0].clone()})
            )
            for layer, block in enumerate(blocks)
        ]
        job.model(job.ids)
        for handle in handles:
            handle.remove()
        return change(streams)

    return Variant("a variant", "a library", task, read)


def test_the_program_runs_from_the_command_line_and_lists_what_is_missing(tmp_path):
    out = tmp_path / "new" / "result.json"
    command = [sys.executable, "-m", "benchmarks.run", "--size", "tiny", "--rounds", "1", "--out", out]
    done = subprocess.run(
        [*command, "--only", "this library", "nnsight"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    written = json.loads(out.read_text(encoding="utf-8"))
    size = written["sizes"]["tiny"]
    timed = {row["name"]: row for row in size["variants"]}
    assert {"bare forward again", "this library, every layer", "this library, steered generation"} <= set(
        timed
    )
    assert all(row["ratio"] > 0 and row["low"] <= row["ratio"] <= row["high"] for row in timed.values())
    missing = {each["library"] for each in size["left_out"] if "is not installed" in each["reason"]}
    absent = {package for package in peers.PACKAGES if importlib.util.find_spec(package) is None}
    assert missing == {name.replace("_", "-") for name in absent}
    assert "this library, every layer" in done.stdout
    assert {"python", "torch", "transformers"} <= set(written["versions"])
    assert {"device", "cpu", "cores", "threads"} <= set(written["machine"])


def test_every_ordinary_variant_does_what_it_says_and_leaves_no_hook(job, right):
    variants = ordinary.variants(job)
    assert {variant.task for variant in variants} == set(TASKS) - {"everything"}
    for variant in variants:
        found = check(variant, right, job)
        assert found.problem == "", variant.name
        assert found.difference <= 1e-6, variant.name
        if variant.library in ("this library", "hooks by hand") and found.copies is not None:
            assert found.copies, variant.name
    assert leftover_hooks(job.model) == []


def test_the_expected_edits_change_the_results(right):
    plain = right.logits["nothing"]
    assert not torch.allclose(plain, right.logits["steer"])
    assert not torch.allclose(plain, right.logits["ablate"])
    assert (right.ids["generate"] != right.ids["steer generation"]).any()


def test_the_model_s_own_tensors_are_told_from_copies(job, right):
    states = next(each for each in ordinary.variants(job) if each.name == "output_hidden_states")
    assert check(states, right, job).copies is False
    assert check(reading(job), right, job).copies is True


WRONG = {
    "another layer": lambda streams: {0: streams[1], 1: streams[1]},
    "a layer is missing": lambda streams: {0: streams[0]},
    "a little off": lambda streams: {layer: stream * 1.0001 for layer, stream in streams.items()},
    "not a number": lambda streams: {layer: stream * torch.nan for layer, stream in streams.items()},
    "another type": lambda streams: {layer: stream.double() for layer, stream in streams.items()},
    "one position": lambda streams: {layer: stream[:, -1:] for layer, stream in streams.items()},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_capture_is_listed_with_what_is_wrong_and_not_timed(name, job, right):
    good, _, left_out = run.checked([reading(job, WRONG[name])], right, job)
    assert good == []
    assert left_out[0].reason.startswith("differs: ")


def test_wrong_steering_and_wrong_tokens_are_noticed(job, right):
    bare = ordinary.variants(job)[:2]
    for variant, task in zip(bare, ("steer", "steer generation"), strict=True):
        assert check(dataclasses.replace(variant, task=task), right, job).problem


def test_a_variant_that_fails_is_listed_with_its_error(job, right):
    def fail():
        raise KeyError("layers")

    good, _, left_out = run.checked([Variant("a variant", "a library", "all", fail)], right, job)
    assert good == []
    assert left_out[0].reason == "does not run: KeyError: 'layers'"


def test_a_variant_that_leaves_a_hook_stops_the_benchmark(job, right):
    handles = []

    def read():
        handles.append(job.model.register_forward_hook(lambda *call: None))
        return reading(job).run()

    try:
        with pytest.raises(RuntimeError, match="left hooks on the model"):
            run.checked([Variant("a variant", "a library", "all", read)], right, job)
    finally:
        handles[0].remove()


def test_each_run_is_compared_with_the_bare_run_beside_it():
    # The machine becomes ten times slower half-way through: the ratios stay.
    pairs = [(3.0, 2.0), (3.0, 2.0), (30.0, 20.0), (30.0, 20.0), (9.0, 2.0)]
    found = timing.summary(pairs)
    assert found.ratio == 1.5
    assert (found.low, found.high) == (1.5, 1.5)
    assert found.fastest == 1.5


def test_in_each_round_every_variant_has_its_turns_beside_a_bare_run():
    calls = []
    clock = iter(range(10_000))
    variants = [
        Variant(name, "", "all", lambda name=name: calls.append(name)) for name in ("bare", "a", "b", "c")
    ]
    timings = timing.measure(
        variants[0],
        variants[1:],
        rounds=3,
        warmup=1,
        calls=2,
        turns=2,
        seed=0,
        device="cpu",
        clock=lambda: next(clock),
    )
    assert set(timings) == {"a", "b", "c"}
    assert all(calls.count(name) == 2 * 2 * 4 for name in ("a", "b", "c"))
    runs = calls[::2]  # two calls make a measurement
    assert all("bare" in runs[max(0, at - 1) : at + 2] for at in range(len(runs)))


def test_a_bad_option_is_refused(capsys):
    for arguments in (["--rounds", "0"], ["--threads", "0"], ["--size", "huge"], ["--device", "abacus"]):
        with pytest.raises(SystemExit):
            run.options(arguments)
        assert arguments[0] in capsys.readouterr().err
    with pytest.raises(SystemExit, match="is in no name"):
        run.selected(ordinary.variants(build(SMALL)), ["nosuchthing"])


def test_the_other_sizes_of_a_file_stay_unless_they_are_of_another_setting(tmp_path):
    out = tmp_path / "result.json"
    chosen = run.options(["--size", "tiny", "--rounds", "1", "--out", str(out)])
    assert run.sizes_to_keep(chosen) == {}
    sizes = {"tiny": {"batch": 1}, "long": {"batch": 8}}
    out.write_text(json.dumps({**run.setting(chosen), "sizes": sizes}), encoding="utf-8")
    assert run.sizes_to_keep(chosen) == {"long": {"batch": 8}}
    with pytest.raises(SystemExit, match="has the sizes long, measured with other rounds"):
        run.sizes_to_keep(run.options(["--size", "tiny", "--rounds", "2", "--out", str(out)]))
    assert run.sizes_to_keep(run.options(["--rounds", "2", "--out", str(out)])) == {}
