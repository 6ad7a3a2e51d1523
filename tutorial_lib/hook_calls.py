"""How often hooks ran: what `with add_hooks(...) as calls` gives, and the check of an exact number."""

import operator
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from tutorial_lib.arguments import short_name, shortened


class UnexpectedCallsError(RuntimeError):
    """The block ended without an error, and a hook ran another number of times than `expected_calls`.

    Attributes:
        calls: the report, so that `error.calls.table(model)` can name the modules by their paths.
    """

    def __init__(self, message: str, calls: "HookCalls") -> None:
        super().__init__(message)
        self.calls = calls


@dataclass(frozen=True)
class HookCount:
    """How often one hook ran on one module.

    Attributes:
        module: the module's path if the model was given, else its class, with a number where the hooks are
            on several modules of that class.
        kind: "pre-hook" or "forward hook".
        hook: the name of the function.
        calls: how often it ran; None if it ran inside a graph of torch.compile, where nothing counts.
    """

    module: str
    kind: str
    hook: str
    calls: int | None

    def __str__(self) -> str:
        times = "ran in a compiled graph, not counted" if self.calls is None else _times(self.calls)
        return f"{self.kind} {self.hook} on {self.module}: {times}"


class HookCalls:
    """How often each hook of one `add_hooks` ran, so far inside the block and for good after it.

        with add_hooks([(block, show) for block in model.model.layers]) as calls:
            model(input_ids)
            print(calls.counts)  # [1, 1, 1]
        print(calls.table(model))

    It holds names, numbers and weak references: keeping it keeps no model alive.

    Attributes:
        active: whether the block is still running, that is, whether the hooks are on.
    """

    def __init__(self, pre_hooks: Sequence[tuple[nn.Module, Any]], hooks: Sequence[tuple[nn.Module, Any]]):
        self.active = True
        pairs = [*pre_hooks, *hooks]
        self._kinds = ["pre-hook"] * len(pre_hooks) + ["forward hook"] * len(hooks)
        # A function's own name is taken as it is and shortened when somebody reads it: most are never read.
        self._raw_names = [getattr(hook, "__qualname__", None) or short_name(hook) for _, hook in pairs]
        self._classes = [type(module).__name__ for module, _ in pairs]
        self._modules = [weakref.ref(module) for module, _ in pairs]
        # Written to by the hooks themselves: see `add_hooks`.
        self._counts = [0] * len(pairs)
        self._compiled = [False] * len(pairs)

    @property
    def _hooks(self) -> list[str]:
        return [shortened(name) for name in self._raw_names]

    @property
    def counts(self) -> list[int | None]:
        """The number of calls of each hook: pre-hooks, then forward hooks, in the order given."""
        # What ran both in a graph and outside of it has not been counted in full.
        return [None if self._compiled[n] else count for n, count in enumerate(self._counts)]

    def rows(self, model: nn.Module | None = None) -> list[HookCount]:
        """One row for each hook. With the model, modules are named by their paths in it."""
        named = zip(self._labels(model), self._kinds, self._hooks, self.counts, strict=True)
        return [HookCount(*row) for row in named]

    def table(self, model: nn.Module | None = None) -> str:
        """The rows as text, one a line."""
        return "\n".join(str(row) for row in self.rows(model)) or "no hooks"

    def __str__(self) -> str:
        return self.table()

    def __repr__(self) -> str:
        return f"<HookCalls {self.counts}>"

    def never_ran(self) -> list[str]:
        """Kind, hook and class of those that never ran."""
        idle = [n for n, count in enumerate(self.counts) if count == 0]
        return [f"{self._kinds[n]} {self._hooks[n]} on {self._classes[n]}" for n in idle]

    def check(self, expected: Sequence[int]) -> None:
        """Raises UnexpectedCallsError where a count is not the expected one."""
        wrong = [
            f"  {row}, expected {_times(number)}"
            for row, number in zip(self.rows(), expected, strict=True)
            if row.calls != number
        ]
        if wrong:
            raise UnexpectedCallsError("hooks ran another number of times:\n" + "\n".join(wrong), self)

    def module_of(self, number: int) -> nn.Module | None:
        """The module of a hook, None if it no longer exists."""
        return self._modules[number]()

    def _labels(self, model: nn.Module | None) -> list[str]:
        paths = {} if model is None else {id(module): path for path, module in model.named_modules()}
        # The modules of a class in the order of the pairs. weakref.ref gives one object for each module.
        same: dict[str, list[int]] = {}
        for name, reference in zip(self._classes, self._modules, strict=True):
            if id(reference) not in same.setdefault(name, []):
                same[name].append(id(reference))
        labels = []
        for name, reference in zip(self._classes, self._modules, strict=True):
            number = f" #{same[name].index(id(reference))}" if len(same[name]) > 1 else ""
            path = paths.get(id(reference()))
            labels.append(name + number if path is None else (path or "the model itself"))
        return labels


def checked_expected(expected_calls: Any, n_hooks: int) -> list[int] | None:
    """One number for each hook, None where nothing is expected."""
    if expected_calls is None:
        return None
    if isinstance(expected_calls, Sequence) and not isinstance(expected_calls, str):
        numbers = [_checked_number(number) for number in expected_calls]
        if len(numbers) != n_hooks:
            raise ValueError(
                f"expected_calls has {len(numbers)} numbers for {n_hooks} hooks; give one for each pair, the "
                "pre-hooks first, or a single number for all"
            )
        return numbers
    return [_checked_number(expected_calls)] * n_hooks


def _checked_number(number: Any) -> int:
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        raise TypeError(
            "expected_calls must be a whole number or a list with one for each hook, got "
            f"{short_name(number)}; to bind a keyword of this name to a hook, use functools.partial"
        )
    if operator.index(number) < 0:
        raise ValueError(f"expected_calls must be 0 or more, got {number}")
    return operator.index(number)


def _times(number: int) -> str:
    return f"{number} call" if number == 1 else f"{number} calls"
