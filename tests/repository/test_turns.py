"""Costly sweeps take turns: each case has one, all turns together run them all, and every process agrees."""

import re

import pytest

from tests import ROOT
from tests.turns import SHARES, TURNS, by_turns, deal

pytest_plugins = ["pytester"]

SWEEPS = """
import pytest
from tests.turns import by_turns

def test_of_no_sweep():
    pass

@pytest.mark.parametrize("number", by_turns(range(26), of=12))
def test_of_numbers(number):
    pass

@pytest.mark.parametrize("model", ["gpt2", "qwen2"])
@pytest.mark.parametrize("seed", by_turns([1, pytest.param(2, id="second"), 3], of=2))
def test_of_a_seed(seed, model):
    pass
"""


@pytest.fixture
def sweeps(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A folder with a test of no sweep, one of 26 cases and one of 3 times 2."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeini("[pytest]\naddopts = -p tests.turns --strict-markers\n")
    pytester.makepyfile(test_sweeps=SWEEPS)
    return pytester


def names(done: pytest.RunResult) -> set[str]:
    """The tests that a run passed or listed."""
    return set(re.findall(r"::(test_\w+(?:\[[\w-]+\])?)", "\n".join(done.outlines)))


def collected(sweeps: pytest.Pytester, *arguments: str) -> set[str]:
    return names(sweeps.runpytest_inprocess("--collect-only", "-q", *arguments))


def test_the_turns_together_run_every_case_and_each_its_share(sweeps: pytest.Pytester) -> None:
    everything = collected(sweeps, "--everything")
    assert len(everything) == 1 + 26 + 3 * 2
    turns = [collected(sweeps, "--turn", str(turn)) for turn in range(TURNS)]
    assert set.union(*turns) == everything
    for turn in turns:
        assert "test_of_no_sweep" in turn
        assert len({name for name in turn if "numbers" in name}) in (2, 3)
        assert len({name for name in turn if "seed" in name}) in (2, 4)
    assert "test_of_a_seed[second-gpt2]" in turns[1]


def test_a_test_that_is_asked_for_by_its_name_runs_whole(sweeps: pytest.Pytester) -> None:
    assert len(collected(sweeps, "test_sweeps.py::test_of_numbers")) == 26
    assert len(collected(sweeps, "test_sweeps.py::test_of_numbers", "--turn", "5")) == 2


def test_a_commit_takes_one_turn_in_every_process_and_the_header_names_it(sweeps: pytest.Pytester) -> None:
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        sweeps.run("git", "-c", "user.name=a", "-c", "user.email=a@example.org", *command)
    commit = sweeps.run("git", "rev-parse", "HEAD").outlines[0][:8]
    turn = int(commit, 16) % TURNS
    one = sweeps.runpytest_subprocess("-v", "--numprocesses", "0")
    one.stdout.fnmatch_lines([f"turns: number {turn} of the costly sweeps, by the commit {commit}; *"])
    assert names(one) == collected(sweeps, "--turn", str(turn))


def test_processes_are_told_the_turn_and_choose_none(sweeps: pytest.Pytester) -> None:
    # Each would choose another one: its own number in place of a commit.
    sweeps.makeconftest("import os, tests.turns\ntests.turns._commit = lambda: format(os.getpid(), 'x')\n")
    done = sweeps.runpytest_subprocess("-v", "--numprocesses", "2")
    (turn,) = re.findall(r"turns: number (\d+) ", str(done.stdout))
    assert done.ret == 0  # pytest-xdist ends with an error where its processes collect different tests
    assert names(done) == collected(sweeps, "--turn", turn)


@pytest.mark.parametrize("marks", ["turn(2, 2)", "turn(0, 5)", "turn(-1, 2)"])
def test_a_case_that_no_turn_would_run_is_refused(sweeps: pytest.Pytester, marks: str) -> None:
    sweeps.makepyfile(f"import pytest\n@pytest.mark.{marks}\ndef test_it():\n    pass\n")
    done = sweeps.runpytest_inprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*::test_it has no turn: {marks} never comes"])


def test_a_case_that_is_dealt_out_twice_is_refused(sweeps: pytest.Pytester) -> None:
    sweeps.makepyfile(
        """
        import pytest
        from tests.turns import by_turns

        @pytest.mark.parametrize("a", by_turns(range(2), of=2))
        @pytest.mark.parametrize("b", by_turns(range(4), of=4))
        def test_it(a, b):
            pass
        """
    )
    done = sweeps.runpytest_inprocess()
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*is dealt out twice: deal out the product of its cases"])


def test_a_sweep_has_turns_that_all_come_and_a_case_for_each() -> None:
    assert SHARES == (2, 3, 4, 6, 12)
    with pytest.raises(ValueError, match="of = 5: a sweep has 2, 3, 4, 6, 12 turns"):
        by_turns(range(20), of=5)
    with pytest.raises(ValueError, match="3 cases are too few for 4 turns"):
        by_turns(range(3), of=4)


def test_values_are_dealt_out_whole_and_each_share_has_early_and_late_ones() -> None:
    shares = deal(range(20), 6)
    assert sorted(value for share in shares for value in share) == list(range(20))
    assert shares[1] == [1, 7, 13, 19]


def test_a_turn_that_is_none_is_refused(sweeps: pytest.Pytester) -> None:
    done = sweeps.runpytest_inprocess("--turn", str(TURNS))
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines([f"*--turn {TURNS}: turns are 0 to {TURNS - 1}"])
