"""Fixtures shared by the library's tests."""

import signal
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from tests.collect.collect_forks import Forks
from tests.tiny_families import build, hooks_on
from tutorial_lib import load_model

# Processes that tests start are sent Ctrl-C; they would ignore it, as this one does, behind a shell's `&`.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The seed's snippets are no page: test_seed_snippets.py runs them.
collect_ignore = ["data"]


@pytest.fixture(scope="session")
def loaded_box() -> tuple[Any, Any]:
    """The model in the box and its tokenizer, loaded once."""
    return load_model()


@pytest.fixture
def box(loaded_box: tuple[Any, Any]) -> Iterator[tuple[Any, Any]]:
    """The model in the box and its tokenizer; a test that leaves a hook behind fails."""
    model, _ = loaded_box
    before = hooks_on(model)
    yield loaded_box
    assert hooks_on(model) == before


@pytest.fixture
def llama() -> Iterator[Any]:
    """A tiny random Llama of three layers; a test that leaves a hook behind fails."""
    model = build("llama")
    yield model
    assert hooks_on(model) == []


@pytest.fixture
def ids() -> torch.Tensor:
    """Token ids `[2, 7]` for any of the tiny models."""
    return torch.randint(5, 60, (2, 7), generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    """A process that has imported everything; the tests that use it are one xdist_group, so there is one."""
    with Forks(tmp_path_factory.mktemp("forks") / "log.txt") as made:
        yield made


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.cuda)])
def device(request: pytest.FixtureRequest) -> str:
    """The CPU, and a CUDA device where there is one."""
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    return str(request.param)
