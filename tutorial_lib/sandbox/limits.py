"""What an answer may use while it is graded. Loads neither torch nor transformers."""

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Limits:
    """What an answer may use.

    Attributes:
        seconds: of wall clock, for all cases of an exercise.
        memory_mb: of memory beyond what the process has when it starts, for it and all that it starts.
        processes: that it may have at once, threads included.
        disk_mb: largest file, and all of its folder.
        output_mb: of what it may send to the judge.
        network: whether it may open connections.

    Raises:
        ValueError: a limit that is not above zero.
    """

    seconds: float = 60.0
    memory_mb: int = 2048
    processes: int = 32
    disk_mb: int = 64
    output_mb: int = 64
    network: bool = False

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name != "network" and not value > 0:
                raise ValueError(f"{field.name} = {value!r} must be above zero")

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Protection:
    """One layer that stands between an answer and the rest of the machine.

    Attributes:
        name: of the layer.
        on: whether it is in force.
        detail: what it does here, or why it is off.
    """

    name: str
    on: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)
