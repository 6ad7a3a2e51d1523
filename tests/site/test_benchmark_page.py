"""The pages say what the committed results of the benchmark say."""

from __future__ import annotations

import json

import pytest

from benchmarks import goals
from benchmarks.workload import SIZES
from tests import ROOT
from tools.measured import benchmark_page


@pytest.fixture
def result():
    return json.loads((ROOT / "benchmarks/results/cpu.json").read_text(encoding="utf-8"))


def test_a_goal_is_met_or_missed_by_its_number(result):
    found = {goal.text: goal for goal in goals.goals(result)}
    assert len(found) == 6
    assert all(goal.met is not None for goal in found.values()), (
        "the committed result must hold every goal's number"
    )
    half = next(
        row
        for row in result["sizes"]["realistic"]["variants"]
        if row["name"] == "this library, stop at half depth"
    )
    for ratio, met in ((0.55, True), (0.56, False)):
        half["ratio"] = ratio
        again = next(goal for goal in goals.goals(result) if "half of the depth" in goal.text)
        assert again.met is met
        assert f"{ratio:.3f}" in again.measured
    assert {goal.met for goal in goals.goals({"sizes": {}})} == {None}


def test_the_committed_result_has_enough_rounds_all_sizes_and_every_peer(result):
    assert result["rounds"] >= 21
    assert set(result["sizes"]) == set(SIZES)
    for peer in result["peers"]:
        assert peer["version"] or not peer["package"], peer
    for size in result["sizes"].values():
        said = {row["library"] for row in size["variants"]} | {each["library"] for each in size["left_out"]}
        assert {peer["library"] for peer in result["peers"]} <= said


def test_the_committed_pages_are_what_the_results_say(capsys):
    status = benchmark_page.main(["--check"])
    printed = capsys.readouterr()
    assert status == 0, printed.out + printed.err


def test_a_page_with_another_number_is_stale(tmp_path, capsys):
    docs = tmp_path / "docs"
    (docs / "reference").mkdir(parents=True)
    (docs / "why-hooks.md").write_text(
        (ROOT / "docs/why-hooks.md").read_text(encoding="utf-8"), encoding="utf-8"
    )
    assert benchmark_page.main(["--docs", str(docs)]) == 0
    assert benchmark_page.main(["--docs", str(docs), "--check"]) == 0
    for name in ("why-hooks.md", "reference/benchmark.md", "reference/benchmark-cpu.svg"):
        path = docs / name
        before = path.read_text(encoding="utf-8")
        assert "1.0" in before
        path.write_text(before.replace("1.0", "9.0"), encoding="utf-8")
        capsys.readouterr()
        assert benchmark_page.main(["--docs", str(docs), "--check"]) == 1
        assert f"stale: docs/{name}" in capsys.readouterr().out
        path.write_text(before, encoding="utf-8")
