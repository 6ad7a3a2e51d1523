"""What was set as a goal, and whether a result reaches it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

OURS = "this library"


@dataclass(frozen=True)
class Goal:
    """One goal, with the number that was measured.

    Attributes:
        met: None where the result lacks what the goal is about.
    """

    text: str
    measured: str
    met: bool | None

    def __str__(self) -> str:
        word = {True: "met", False: "missed", None: "not measured"}[self.met]
        return f"{word}: {self.text}: {self.measured}"


def noise(size: dict[str, Any]) -> float | None:
    """How far from 1 the middle half of the second bare run's ratios reaches."""
    again = row_of(size, "bare forward again")
    return None if again is None else max(abs(again["low"] - 1), abs(again["high"] - 1))


def goals(result: dict[str, Any]) -> list[Goal]:
    """Every goal, in the order in which they were set."""
    return [*_realistic(result["sizes"].get("realistic", {})), *_tiny(result["sizes"].get("tiny", {}))]


def _realistic(size: dict[str, Any]) -> Iterator[Goal]:
    ours, floor = row_of(size, f"{OURS}, every layer"), noise(size)
    hand, states = row_of(size, "by hand, every layer"), row_of(size, "output_hidden_states")
    text = "realistic, every layer: no more than hooks by hand, within the noise floor"
    if ours and hand and floor is not None:
        more = ours["ratio"] - hand["ratio"]
        yield Goal(text, f"{more:+.3f}, noise floor {floor:.3f}", more <= floor)
    else:
        yield _unknown(text)
    text = "realistic, every layer: at most .02 more than output_hidden_states"
    if ours and states:
        more = ours["ratio"] - states["ratio"]
        yield Goal(text, f"{more:+.3f}", more <= 0.02)
    else:
        yield _unknown(text)
    half = row_of(size, f"{OURS}, stop at half depth")
    text = "realistic, one layer: a stop at half of the depth takes at most .55 of a pass"
    yield Goal(text, f"{half['ratio']:.3f}", half["ratio"] <= 0.55) if half else _unknown(text)
    steered = row_of(size, f"{OURS}, steered generation")
    text = "realistic, steered generation: at most 1.03 of bare generation"
    yield Goal(text, f"{steered['ratio']:.3f}", steered["ratio"] <= 1.03) if steered else _unknown(text)


def _tiny(size: dict[str, Any]) -> Iterator[Goal]:
    ours = row_of(size, f"{OURS}, every layer")
    text = "tiny, every layer: eight hooks add at most .3 ms"
    yield Goal(text, f"{ours['added_ms']:.3f} ms", ours["added_ms"] <= 0.3) if ours else _unknown(text)
    text = "tiny, every layer: ahead of every peer"
    peers = [
        row
        for row in size.get("variants", ())
        if row["task"] == "all" and row["library"] not in (OURS, "hooks by hand", "transformers")
    ]
    if ours and peers:
        first = min(peers, key=lambda row: row["added_ms"])
        measured = f"{ours['added_ms']:.3f} ms, the next is {first['name']} with {first['added_ms']:.3f} ms"
        yield Goal(text, measured, ours["added_ms"] < first["added_ms"])
    else:
        yield _unknown(text)


def row_of(size: dict[str, Any], name: str) -> dict[str, Any] | None:
    return next((row for row in size.get("variants", ()) if row["name"] == name), None)


def _unknown(text: str) -> Goal:
    return Goal(text, "not in this result", None)
