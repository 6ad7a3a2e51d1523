"""The process-wide state that a page may change, kept apart for each page.

A page starts from the same state whatever ran before it: another page, another block order, a test that left
gradients off. What one of its blocks leaves on is there for its next block, and for nobody else.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
import torch
from torch.nn.modules import module as torch_module

SEED = 0


class Knob(NamedTuple):
    """One piece of state: how it is read and written, and what it is at the start of a page."""

    read: Callable[[], Any]
    write: Callable[[Any], None]
    start: Callable[[], Any]


class State:
    """The state of one page between its blocks."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.folder = tempfile.TemporaryDirectory(prefix="page-", ignore_cleanup_errors=True)
        self.values: list[Any] | None = None

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Put the state of the page in place, and afterwards that of the process back."""
        outside = [knob.read() for knob in KNOBS]
        try:
            _write(self.values if self.values is not None else self._start())
            yield
            self.values = [knob.read() for knob in KNOBS]
        finally:
            _write(outside)

    def _start(self) -> list[Any]:
        if self.device == "cuda":
            torch.cuda.init()  # type: ignore[no-untyped-call]  # so that its generators can be read and written from the first block on
            torch.cuda.manual_seed_all(SEED)
        values = [knob.start() for knob in KNOBS]
        values[KNOBS.index(FOLDER)] = self.folder.name
        return values


def _write(values: list[Any]) -> None:
    for knob, value in zip(KNOBS, values, strict=True):
        knob.write(value)


def _write_environment(wanted: dict[str, str]) -> None:
    for name in [name for name in os.environ if name not in wanted]:
        del os.environ[name]
    for name, value in wanted.items():
        if os.environ.get(name) != value:
            os.environ[name] = value


def _start_environment() -> dict[str, str]:
    return {**{k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"}, "MPLBACKEND": "Agg"}


def _write_sys_path(path: list[str]) -> None:
    sys.path[:] = path


def _write_argv(argv: list[str]) -> None:
    sys.argv = argv


def _write_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # tells the interpreter that the list below is a new one
    warnings.filters[:] = filters  # type: ignore[index]


def _start_filters() -> list[Any]:
    with warnings.catch_warnings():
        # A reader's `plt.show()` opens a window; here it has nothing to do and would warn about that.
        warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown")
        return list(warnings.filters)


def _write_device(device: torch.device) -> None:
    if torch.get_default_device() != device:
        torch.set_default_device(None if device.type == "cpu" else device)  # None costs nothing at each call


def _deterministic() -> tuple[int, bool, bool]:
    cudnn = torch.backends.cudnn
    return torch.get_deterministic_debug_mode(), cudnn.deterministic, cudnn.benchmark


def _write_deterministic(flags: tuple[int, bool, bool]) -> None:
    torch.set_deterministic_debug_mode(flags[0])  # use_deterministic_algorithms would load torch's compiler
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = flags[1:]


def _read_cuda_generators() -> list[torch.Tensor] | None:
    started = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.cuda.get_rng_state_all() if started else None


def _write_cuda_generators(states: list[torch.Tensor] | None) -> None:
    if states is not None:
        torch.cuda.set_rng_state_all(states)


def _hooks() -> dict[str, dict[Any, Any]]:
    """The hooks that torch runs for every module; each is kept in a dictionary of its own."""
    found = {name: value for name, value in vars(torch_module).items() if name.startswith("_global_")}
    return {name: dict(value) for name, value in found.items() if isinstance(value, dict)}


def _write_hooks(hooks: dict[str, dict[Any, Any]]) -> None:
    for name in _hooks():
        live = getattr(torch_module, name)
        live.clear()
        live.update(hooks.get(name, {}))


def _read_torch_print() -> dict[str, Any]:
    return dataclasses.asdict(torch._tensor_str.PRINT_OPTS)


def _write_torch_print(values: dict[str, Any]) -> None:
    torch.set_printoptions(**values)  # type: ignore[no-untyped-call]


def _start_torch_print() -> dict[str, Any]:
    return dataclasses.asdict(type(torch._tensor_str.PRINT_OPTS)())


def _start_rc() -> dict[str, Any]:
    return {**dict.copy(mpl.rcParamsDefault), "backend": "Agg"}


def _write_rc(values: dict[str, Any]) -> None:
    # Past matplotlib's checks, as its own rc_context does it: these values have been through them once.
    dict.update(mpl.rcParams, values)


def _write_errstate(values: dict[str, Any]) -> None:
    np.seterr(**values)


def _write_numpy_print(values: dict[str, Any]) -> None:
    np.set_printoptions(**{k: v for k, v in values.items() if k != "override_repr"})


NUMPY_PRINT, NUMPY_ERRORS = np.get_printoptions(), np.geterr()
FOLDER = Knob(os.getcwd, os.chdir, os.getcwd)
KNOBS = [
    FOLDER,
    Knob(lambda: dict(os.environ), _write_environment, _start_environment),
    Knob(sys.path.copy, _write_sys_path, sys.path.copy),
    Knob(lambda: sys.argv, _write_argv, lambda: [""]),
    Knob(lambda: list(warnings.filters), _write_filters, _start_filters),
    Knob(random.getstate, random.setstate, lambda: random.Random(SEED).getstate()),
    Knob(np.random.get_state, np.random.set_state, lambda: np.random.RandomState(SEED).get_state()),
    Knob(np.get_printoptions, _write_numpy_print, lambda: NUMPY_PRINT),
    Knob(np.geterr, _write_errstate, lambda: NUMPY_ERRORS),
    Knob(torch.get_rng_state, torch.set_rng_state, lambda: torch.Generator().manual_seed(SEED).get_state()),
    Knob(_read_cuda_generators, _write_cuda_generators, _read_cuda_generators),
    Knob(torch.is_grad_enabled, torch._C._set_grad_enabled, lambda: True),
    Knob(torch.is_anomaly_enabled, torch._C.set_anomaly_enabled, lambda: False),
    Knob(torch.get_default_dtype, torch.set_default_dtype, lambda: torch.float32),
    Knob(torch.get_default_device, _write_device, lambda: torch.device("cpu")),
    Knob(torch.get_float32_matmul_precision, torch.set_float32_matmul_precision, lambda: "highest"),
    Knob(_deterministic, _write_deterministic, lambda: (0, False, False)),
    Knob(_read_torch_print, _write_torch_print, _start_torch_print),
    Knob(_hooks, _write_hooks, dict),
    Knob(lambda: dict.copy(mpl.rcParams), _write_rc, _start_rc),
]
