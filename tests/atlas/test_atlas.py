"""The sweep over model types keeps its limits, and what the atlas says is what a fresh run gives."""

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from importlib.metadata import version

import pytest

from tests import ROOT
from tests.atlas.atlas_workers import misbehave
from tests.tiny_random.test_shrink import OLD, OLD_FAILURES
from tools.atlas import atlas_page
from tools.atlas.atlas_rows import Atlas, AtlasJournal, Row, key, read, row, write
from tools.atlas.sweep import SweepLimits, SweepResult, sweep
from tools.atlas.words import KINDS, WHY

ATLAS = ROOT / "docs" / "reference" / "atlas.json"

# Every kind of stream, of return value and of exception is among these; a test says so.
REPRESENTATIVE = """
    bamba bert bloom blt cohere cpmant deepseek_v4 doge falcon gemma2 gemma3n_text gemma4 gpt2 gpt_neox
    gpt_oss gptj granite hrm_text inkling2_text llama mamba mistral mllama mpt musicgen olmo2 opt
    phi prophetnet qwen3 qwen3_next reformer xlm xlnet zamba olmo_hybrid openai-gpt qwen4_exp_text
""".split()


@pytest.fixture(scope="module")
def committed() -> Atlas:
    return read(ATLAS)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tools.atlas", *arguments]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Row]:
    """The rows of the representative types, made now, by the command."""
    from tutorial_lib.tiny_random.shrink import causal_lm_types

    folder = tmp_path_factory.mktemp("atlas")
    unbuilt = OLD_FAILURES if OLD else {}
    types = [each for each in REPRESENTATIVE if each in causal_lm_types() and each not in unbuilt]
    out = folder / "atlas.json"
    arguments = ["--types", *types, "--out", str(out), "--journal", str(folder), "--jobs", "2"]
    run = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stderr
    assert f"{len(types)}/{len(types)}" in run.stderr  # progress, in plain lines where there is no terminal
    return {each.model_type: each for each in read(out).rows}


@pytest.mark.slow
@pytest.mark.xdist_group("atlas")  # the sweep is made once
@pytest.mark.parametrize("model_type", REPRESENTATIVE)
def test_a_representative_type_is_equal_or_says_why_not(fresh, model_type):
    if OLD and model_type in OLD_FAILURES:
        pytest.skip(f"transformers {version('transformers')}: {OLD_FAILURES[model_type]}")
    if model_type not in fresh:
        pytest.skip(f"transformers {version('transformers')} has no type {model_type}")
    found = fresh[model_type]
    assert found.outcome == "done", found.detail
    assert atlas_page.result(found) in ("equal", "other", "refused"), atlas_page.remarks(found)
    assert atlas_page.result(found) == "equal" or atlas_page.remarks(found)


@pytest.mark.slow
@pytest.mark.xdist_group("atlas")  # the sweep is made once
@pytest.mark.parametrize("model_type", REPRESENTATIVE)
def test_the_committed_row_of_a_representative_type_is_what_a_fresh_run_gives(fresh, committed, model_type):
    if version("transformers") != committed.transformers:
        pytest.skip(f"the atlas is of transformers {committed.transformers}, not {version('transformers')}")
    [row_of_type] = [each for each in committed.rows if each.model_type == model_type]
    for field in dataclasses.fields(Row):
        assert getattr(row_of_type, field.name) == getattr(fresh[model_type], field.name), field.name


def test_the_representative_types_cover_every_sort_that_the_atlas_knows(committed):
    chosen = [each for each in committed.rows if each.model_type in REPRESENTATIVE]
    assert len(chosen) == len(REPRESENTATIVE) >= 25
    for field in ("kind", "returns", "passed_as", "stream_shape", "mid_stream", "addressable"):
        every = {getattr(each, field) for each in committed.rows}
        assert {getattr(each, field) for each in chosen} == every, field
    assert {atlas_page.result(each) for each in chosen} == {
        atlas_page.result(each) for each in committed.rows
    }


def test_the_atlas_holds_every_type_of_the_pinned_transformers(committed):
    constraints = (ROOT / "constraints.txt").read_text()
    pinned = re.findall(r"^transformers==(\S+)", constraints, re.MULTILINE)  # an older one for Python 3.10
    assert committed.transformers == pinned[-1], "run `make atlas`"
    if version("transformers") == committed.transformers:
        from tutorial_lib.tiny_random.shrink import causal_lm_types

        assert [each.model_type for each in committed.rows] == list(causal_lm_types())


def test_no_type_of_the_atlas_failed_and_all_but_nine_are_equal_to_hidden_states(committed):
    assert [each.model_type for each in committed.rows if atlas_page.result(each) == "failed"] == []
    assert [each.model_type for each in committed.rows if each.passed(atlas_page.EQUAL) is False] == []
    # Found by value, but elsewhere: as the block's output, with two axes exchanged, as a part of the input.
    elsewhere = {each.model_type for each in committed.rows if each.passed(atlas_page.EQUAL) is None}
    assert elsewhere == {
        *("blt", "cpmant", "falcon_mamba", "hrm_text", "mamba"),
        *("mamba2", "prophetnet", "rwkv", "xlnet"),
    }


def test_every_exception_is_explained_and_every_explanation_is_of_an_exception(committed):
    exceptions = {each.model_type for each in committed.rows if atlas_page.remarks(each)}
    assert {each.model_type for each in committed.rows if atlas_page.result(each) != "equal"} <= exceptions
    assert set(WHY) <= exceptions


def test_the_page_is_what_the_rows_give_and_small_enough_for_a_phone():
    assert atlas_page.main(["--check", "--docs", str(ROOT / "docs")]) == 0, (
        "run `python -m tools.atlas.atlas_page`"
    )
    assert len((ROOT / "docs" / "reference" / "atlas.md").read_bytes()) <= 150_000


def test_every_type_stands_on_the_page_once_and_each_reason_is_linked(committed):
    text = atlas_page.page(committed)
    for each in committed.rows:
        assert text.count(f"| `{each.model_type}` |") == 1
    links = set(re.findall(r"\(#(type-[\w-]+)\)", text))
    anchors = re.findall(r"\{ #(type-[\w-]+) \}", text)
    assert links == set(anchors)
    assert len(anchors) == len(set(anchors))
    assert {each.kind for each in committed.rows} - {None} <= set(KINDS)


def test_a_stale_page_is_named_with_the_command_that_mends_it(tmp_path, committed, capsys):
    folder = tmp_path / "reference"
    folder.mkdir()
    (folder / "atlas.json").write_bytes(ATLAS.read_bytes())
    assert atlas_page.main(["--check", "--docs", str(tmp_path)]) == 1
    assert "python -m tools.atlas.atlas_page" in capsys.readouterr().out
    assert atlas_page.main(["--docs", str(tmp_path)]) == 0
    assert atlas_page.main(["--check", "--docs", str(tmp_path)]) == 0


CHECK = {"passed": True, "detail": "yes"}
GOOD = Row(
    "llama",
    "done",
    kind="pre-norm",
    addressable=True,
    reason="",
    checks={"blocks found": CHECK, atlas_page.EQUAL: CHECK, "edit": CHECK},
)


def test_a_row_with_a_failed_check_or_without_an_end_is_no_success():
    def with_check(name, passed):
        return dataclasses.replace(
            GOOD, checks={**GOOD.checks, name: {"passed": passed, "detail": "it moves"}}
        )

    assert atlas_page.result(GOOD) == "equal"
    assert atlas_page.remarks(GOOD) == []
    assert atlas_page.result(with_check("edit", False)) == "failed"
    assert atlas_page.remarks(with_check("edit", False)) == ["*edit*: it moves."]
    assert atlas_page.result(with_check(atlas_page.EQUAL, False)) == "failed"  # never a silent mismatch
    assert atlas_page.result(with_check(atlas_page.EQUAL, None)) == "other"
    assert atlas_page.result(dataclasses.replace(GOOD, addressable=False, reason="two streams")) == "refused"
    hung = row(SweepResult("llama", "time", None, "more than 5 s", 5.0))
    assert atlas_page.result(hung) == "failed"
    assert "more than 5 s" in atlas_page.remarks(hung)[0]
    assert "## Not verified" in atlas_page.page(Atlas("5", "2", (hung,)))


def bad(*types: str, **limits: float) -> dict[str, SweepResult]:
    found = sweep(types, misbehave, jobs=2, limits=SweepLimits(**limits), preload="tests.atlas.atlas_workers")
    return {each.model_type: each for each in found}


needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither fork nor memory limits")


@needs_fork
@pytest.mark.turn(1, 2)
def test_a_process_that_hangs_dies_or_raises_becomes_a_result_and_the_others_go_on():
    found = bad("hangs", "is killed", "exits", "raises", "behaves", seconds=20)
    assert (found["hangs"].outcome, found["hangs"].detail) == ("time", "more than 20 s")
    assert (found["is killed"].outcome, found["is killed"].detail) == (
        "died",
        "the process was ended by SIGKILL",
    )
    assert (found["exits"].outcome, found["exits"].detail) == ("died", "the process ended with exit code 3")
    assert (found["raises"].outcome, found["raises"].detail) == ("error", "KeyError: 'no such part'")
    assert found["behaves"].outcome == "done"
    assert found["behaves"].value is not None
    assert found["behaves"].value["process"] != os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the limit of the address space")
def test_a_process_that_wants_more_memory_than_it_may_have_becomes_a_result():
    found = bad("eats memory", "eats memory in torch", "behaves", memory=1.0, seconds=60)
    assert (found["eats memory"].outcome, found["eats memory"].detail) == ("memory", "more than 1 GiB")
    assert found["eats memory in torch"].outcome == "memory"
    assert found["behaves"].outcome == "done"


@needs_fork
def test_leaving_a_sweep_early_ends_its_processes():
    results = sweep(
        ["behaves", "hangs"], misbehave, limits=SweepLimits(), preload="tests.atlas.atlas_workers"
    )
    assert next(results).model_type == "behaves"
    before = time.monotonic()
    results.close()
    assert time.monotonic() - before < 60  # and not the 600 s of the one that hangs
    import multiprocessing

    assert multiprocessing.active_children() == []


def test_no_jobs_is_refused():
    with pytest.raises(ValueError, match="jobs must be 1 or more, got 0"):
        next(sweep(["a"], misbehave, jobs=0))


def test_a_journal_goes_on_after_a_line_that_was_cut_short(tmp_path):
    journal = AtlasJournal(tmp_path)
    assert journal.rows() == {}
    journal.add(GOOD)
    with journal.path.open("a") as file:
        file.write('{"model_type": "gpt2", "outc')
    assert AtlasJournal(tmp_path).rows() == {"llama": GOOD}
    other = dataclasses.replace(GOOD, model_type="opt")
    AtlasJournal(tmp_path).add(other)
    assert AtlasJournal(tmp_path).rows() == {"llama": GOOD, "opt": other}


def test_a_journal_of_other_sources_or_another_transformers_does_not_count(tmp_path, monkeypatch):
    AtlasJournal(tmp_path).add(GOOD)
    before = key()
    monkeypatch.setattr("tools.atlas.atlas_rows.version", lambda name: "9.9")
    assert key() != before
    assert AtlasJournal(tmp_path).rows() == {}
    monkeypatch.undo()
    monkeypatch.setattr("tools.atlas.atlas_rows.WORKER", "tools.atlas.words")
    assert AtlasJournal(tmp_path).rows() == {}


def test_an_atlas_is_read_as_it_was_written_in_the_order_of_types(tmp_path):
    rows = [dataclasses.replace(GOOD, model_type=name) for name in ("opt", "bloom", "llama")]
    write(tmp_path / "atlas.json", rows)
    found = read(tmp_path / "atlas.json")
    assert [each.model_type for each in found.rows] == ["bloom", "llama", "opt"]
    assert {each.model_type: each for each in found.rows} == {each.model_type: each for each in rows}
    assert found.transformers == version("transformers")


@pytest.mark.slow
@needs_fork
@pytest.mark.turn(0, 2)
def test_an_interrupted_sweep_goes_on_where_it_was(tmp_path):
    types = ["gpt2", "llama", "opt", "gpt_neox", "phi", "bloom"]
    arguments = [
        "--types",
        *types,
        "--jobs",
        "1",
        "--out",
        str(tmp_path / "a.json"),
        "--journal",
        str(tmp_path),
    ]
    first = subprocess.Popen(command(*arguments), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert first.stderr is not None
    while not first.stderr.readline().strip().startswith("1/6"):
        assert first.poll() is None, "the sweep ended before its first row"
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=120)
    done = list(AtlasJournal(tmp_path).rows())
    assert 1 <= len(done) < 6
    assert not (tmp_path / "a.json").exists()

    second = subprocess.run(command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert f"{len(done)} of 6 types are in " in second.stderr
    lines = AtlasJournal(tmp_path).path.read_text().splitlines()
    assert [json.loads(line)["model_type"] for line in lines] == types  # each once, none again
    assert [each.model_type for each in read(tmp_path / "a.json").rows] == sorted(types)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs", "0"], "--jobs, --timeout and --memory must be greater than 0"),
        (["--types", "llamma"], "no causal-LM types of this transformers: llamma"),
    ],
)
def test_wrong_arguments_of_the_command_are_named(arguments, said, capsys):
    from tools.atlas.__main__ import main

    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert said in capsys.readouterr().err
