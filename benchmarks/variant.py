"""One way to do one task, and the tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# What is done, and which variant's time a time is divided by.
TASKS = {
    "nothing": "forward pass, nothing read",
    "all": "read the stream at every layer",
    "one": "read the stream at one layer, whole pass",
    "half": "read the stream at half of the depth and stop there",
    "everything": "read every activation that the library has a name for",
    "steer": "add a vector at one layer",
    "ablate": "take a direction out at every layer",
    "generate": "generate 32 tokens, nothing edited",
    "steer generation": "generate 32 tokens, a vector added at one layer",
}
GENERATION = ("generate", "steer generation")
BARE, BARE_GENERATE = "bare forward", "bare generate"


@dataclass(frozen=True)
class Variant:
    """One way to do one task.

    Attributes:
        name: unique among the variants.
        library: whose way it is.
        task: a key of `TASKS`.
        run: does it once; this is what is timed.
        read: turns what `run` returned into what is compared: streams by layer, logits or token ids.
    """

    name: str
    library: str
    task: str
    run: Callable[[], Any]
    read: Callable[[Any], Any] = lambda result: result


@dataclass(frozen=True)
class LeftOut:
    """What was not timed, and why."""

    library: str
    name: str
    reason: str
