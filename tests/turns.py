"""A pytest plugin: a costly sweep takes turns. A push runs one turn of it, each night runs all of them.

`by_turns` deals the cases of a test out to a number of turns, as cards are dealt to players:

    @pytest.mark.parametrize("seed", by_turns((1, 2), of=2))

A whole test has its turn by `@pytest.mark.turn(0, 3)`: number 0 of 3.

Which turn a run takes follows from the commit, so a second run of a commit takes the same one, and so does
each process of pytest-xdist. The header names the turn. To choose another:

    pytest --turn 7             this turn of every sweep
    pytest --everything         all turns, as `make test-everything` and the nightly workflow do
    pytest "FILE::TEST"         all turns as well: a test that is asked for by its name runs whole

Deal out cases of which each turn is a fair sample: a fault in the code that is swept shows in any of them. A
case that alone would notice some fault runs on every push: `[case, *by_turns(rest, of=4)]`.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Sequence
from typing import Any

import pytest

TURNS = 12  # they are numbered from 0
SHARES = tuple(n for n in range(2, TURNS + 1) if TURNS % n == 0)  # so that each turn of a sweep comes
WHY = pytest.StashKey[str]()  # why it is this turn, for the header


def by_turns(cases: Iterable[Any], of: int) -> list[Any]:
    """The cases for `pytest.mark.parametrize`, each marked with its turn.

    Args:
        cases: values, or `pytest.param(...)`.
        of: the number of turns; each push runs one case in `of`.

    Raises:
        ValueError: `of` is none of `SHARES`, or a turn has no case.
    """
    dealt = list(cases)
    if of not in SHARES:
        raise ValueError(f"of = {of}: a sweep has {', '.join(map(str, SHARES))} turns")
    if len(dealt) < of:
        raise ValueError(f"{len(dealt)} cases are too few for {of} turns")
    return [_marked(case, pytest.mark.turn(number % of, of)) for number, case in enumerate(dealt)]


def deal(values: Sequence[Any], of: int) -> list[list[Any]]:
    """All values in so many shares, for a sweep whose test takes many of them: every `of`-th one to each."""
    return [list(values[number::of]) for number in range(of)]


def _marked(case: Any, mark: pytest.MarkDecorator) -> Any:
    if isinstance(case, type(pytest.param())):
        return pytest.param(*case.values, marks=[*case.marks, mark], id=case.id)
    return pytest.param(case, marks=mark)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("turns of costly sweeps")
    group.addoption("--everything", action="store_true", help="run all turns of the costly sweeps")
    group.addoption("--turn", type=int, metavar="N", help=f"run this turn, 0 to {TURNS - 1}, of each sweep")


def pytest_configure(config: pytest.Config) -> None:
    """Choose the turn, once: a process of pytest-xdist is told it by `pytest_configure_node`."""
    config.addinivalue_line("markers", "turn(number, of): a part of a costly sweep: tests/turns.py")
    option = config.option
    if hasattr(config, "workerinput"):
        option.turn, option.everything = config.workerinput["turn"], config.workerinput["everything"]
    if option.turn is None:
        commit = _commit()
        option.turn = int(commit, 16) % TURNS if commit else 0
        option.everything |= any("::" in argument for argument in config.args)
        config.stash[WHY] = f"by the commit {commit}" if commit else "since there is no commit"
    if option.turn not in range(TURNS):
        raise pytest.UsageError(f"--turn {option.turn}: turns are 0 to {TURNS - 1}")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    option = node.config.option
    node.workerinput.update(turn=option.turn, everything=option.everything)


def pytest_report_header(config: pytest.Config) -> str:
    if config.option.everything:
        return "turns: all of the costly sweeps"
    why = config.stash.get(WHY, "as asked for")
    return f"turns: number {config.option.turn} of the costly sweeps, {why}; --everything runs all"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    others = {item for item in items if not _has_its_turn(item, config.option.turn)}
    if others and not config.option.everything:
        config.hook.pytest_deselected(items=[item for item in items if item in others])
        items[:] = [item for item in items if item not in others]


def _has_its_turn(item: pytest.Item, turn: int) -> bool:
    """Whether this turn runs an item.

    Raises:
        pytest.UsageError: there may be no turn that runs it.
    """
    marks = list(item.iter_markers("turn"))
    if len(marks) > 1:  # its turn of 2 and its turn of 4 may never be at the same time
        raise pytest.UsageError(f"{item.nodeid} is dealt out twice: deal out the product of its cases")
    for mark in marks:
        number, of = mark.args
        if of not in SHARES or number not in range(of):
            raise pytest.UsageError(f"{item.nodeid} has no turn: turn({number}, {of}) never comes")
        return bool(turn % of == number)
    return True


def _commit() -> str:
    """The first digits of the commit that is checked out; nothing where there is no git or no repository."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout[:8]
    except (OSError, subprocess.CalledProcessError):
        return ""
