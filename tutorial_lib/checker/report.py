"""What came of checking an answer."""

import re
from dataclasses import asdict, dataclass
from typing import Any

PASSED = "passed"
FAILED = "failed"
NOT_ATTEMPTED = "not attempted"
EMPTY = "empty"
SYNTAX_ERROR = "syntax error"
MISSING = "missing"
CRASHED = "crashed"
EXITED = "exited"
TIMED_OUT = "timed out"
OUT_OF_MEMORY = "out of memory"
NO_CHECKS = "no checks"

OUTCOMES = (
    PASSED,
    FAILED,
    NOT_ATTEMPTED,
    EMPTY,
    SYNTAX_ERROR,
    MISSING,
    CRASHED,
    EXITED,
    TIMED_OUT,
    OUT_OF_MEMORY,
    NO_CHECKS,
)


@dataclass(frozen=True)
class CheckResult:
    """One check on one model.

    Attributes:
        title: what must hold.
        model: name of the model.
        passed: whether it held.
        misconception: the name of what is wrong, or None.
        message: for the student, or None.
        expected: what would have been right, or None.
        seen: what was there instead, or None.
        see: page and section that teach it.
        hidden: whether it is one of an instructor's hidden checks.
    """

    title: str
    model: str
    passed: bool
    misconception: str | None = None
    message: str | None = None
    expected: str | None = None
    seen: str | None = None
    see: str | None = None
    hidden: bool = False


@dataclass(frozen=True, repr=False)
class Report:
    """What came of checking an answer: the outcome, the first thing that is wrong, and every check.

    Attributes:
        exercise: its name.
        outcome: one of `OUTCOMES`.
        message: for the student, in a few sentences; empty when all passed.
        first: the first check that failed, or None.
        results: every check that ran, model by model.
        printed: what the answer printed, cut.
        seed: with which the same inputs come again.
        see: page and section to read where no check had a say, as after a crash; None: see `first`.
    """

    exercise: str
    outcome: str
    message: str = ""
    first: CheckResult | None = None
    results: tuple[CheckResult, ...] = ()
    printed: str = ""
    seed: int = 0
    see: str | None = None

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.outcome == PASSED

    @property
    def depends_on_inputs(self) -> bool:
        """Whether the outcome came from running the answer, so that another seed may give another one."""
        return self.outcome in (FAILED, CRASHED, EXITED, TIMED_OUT, OUT_OF_MEMORY)

    @property
    def misconception(self) -> str | None:
        """The name of what is wrong, where a check could name it."""
        return self.first.misconception if self.first else None

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Report":
        """The report of which `to_dict` gave the values."""
        first = values["first"]
        results = tuple(CheckResult(**result) for result in values["results"])
        return cls(**{**values, "first": CheckResult(**first) if first else None, "results": results})

    def __str__(self) -> str:
        """What a student reads, in plain text."""
        if self.passed:
            models = list(dict.fromkeys(result.model for result in self.results))
            checks = "1 check" if len(self.results) == 1 else f"{len(self.results)} checks"
            return f"{self.exercise}: passed, {checks} on {', '.join(models)}"
        lines = [f"{self.exercise}: {self.outcome}"]
        if self.first is not None:
            lines[0] += f" on {model_name(self.first.model)}: {self.first.title}"
        lines.append(f"  {self.message}")
        lines += [f"  {name + ':':<10}{value}" for name, value in self._facts().items()]
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)

    def _facts(self) -> dict[str, str]:
        """What belongs under the message, line by line."""
        first = self.first
        if first is None:
            return {"read": self.see} if self.see else {}
        facts = {"expected": first.expected, "seen": first.seen, "read": first.see}
        return {name: value for name, value in facts.items() if value}

    def _repr_markdown_(self) -> str:
        """What a notebook shows."""
        if self.passed:
            return f"**{self}**"
        title = f"**{self.exercise}: {self.outcome}**"
        parts = [title, _markdown(self.message)]
        if self.first is not None:
            parts[0] += f" on {model_name(self.first.model)}: {_markdown(self.first.title)}"
        parts.append("\n".join(f"- {name}: {_code(value)}" for name, value in self._facts().items()))
        if self.printed.strip():
            parts.append(f"printed:\n\n{_indented(self.printed)}")
        if self.depends_on_inputs:
            parts.append(f"The same inputs again: `.check(..., seed={self.seed})`")
        return "\n\n".join(part for part in parts if part)


def _markdown(text: str) -> str:
    """Text in which Markdown's own code spans stay, and what looks like HTML is shown as it is."""
    spans = re.split(r"(`[^`\n]*`)", text)
    return "".join(
        part if n % 2 else part.replace("&", "&amp;").replace("<", "&lt;") for n, part in enumerate(spans)
    )


def _code(text: str) -> str:
    """A line of text as a code span, whatever is in it."""
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{ticks}{space}{' '.join(text.split())}{space}{ticks}"


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.strip("\n").splitlines())


def model_name(model: str) -> str:
    """A model of a case in words."""
    return "the model in the box" if model == "box" else f"a tiny random {model}"
