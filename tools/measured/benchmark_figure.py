"""The figure of the benchmark: reading the stream at every layer, one panel for each size.

SVG as text, so that it is the same on every machine and can be compared exactly. It brings its own light
ground and is readable in both themes, as the other diagrams are.
"""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, LEFT, GAP, ROW, TOP = 790, 190, 24, 24, 58
COLOURS = {"this library": "#00796b", "hooks by hand": "#00796b", "transformers": "#37474f"}
OTHERS = "#b24a00"


def figure(result: dict[str, Any]) -> str:
    """The text of the SVG."""
    sizes = result["sizes"]
    first = next(iter(sizes.values()))
    names = [row["name"] for row in sorted(_shown(first), key=lambda row: row["ratio"])]
    height = TOP + ROW * len(names) + 46
    width = (WIDTH - LEFT - GAP * len(sizes)) / len(sizes)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        'aria-labelledby="t" font-family="system-ui, sans-serif" font-size="12">',
        '  <title id="t">Reading the stream at every layer, as a ratio to a bare pass</title>',
        f'  <rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>',
        _text(12, 22, "Read the stream at every layer: time as a ratio to a bare pass", weight=600),
    ]
    parts += [_text(LEFT - 10, _y(line) + 4, _label(name), anchor="end") for line, name in enumerate(names)]
    for number, (name, size) in enumerate(sizes.items()):
        parts += _panel(name, size, names, LEFT + number * (width + GAP), width)
    foot = "Dot and number: median of the rounds. Line: their middle half. Each size has a scale of its own."
    parts.append(_text(12, height - 12, foot, colour="#4b5358"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _shown(size: dict[str, Any]) -> list[dict[str, Any]]:
    wanted = ("all", "everything")
    return [row for row in size["variants"] if row["task"] in wanted or row["name"] == "bare forward again"]


def _label(name: str) -> str:
    return name.removesuffix(", every layer")


def _panel(name: str, size: dict[str, Any], names: list[str], left: float, width: float) -> list[str]:
    rows = {row["name"]: row for row in _shown(size)}
    low = min([0.95, *(row["low"] for row in rows.values())])
    high = max([1.1, *(row["high"] for row in rows.values())])
    room = width - 40  # the numbers stand right of the dots

    def x(ratio: float) -> float:
        return float(left + (ratio - low) / (high - low) * room)

    bottom = _y(len(names) - 1) + ROW / 2
    parts = [
        _text(left, TOP - 12, name, weight=600),
        f'  <path d="M{x(1):.1f} {TOP - 4}V{bottom:.1f}" stroke="#90a4ae" stroke-dasharray="3 3"/>',
    ]
    for line, variant in enumerate(names):
        row = rows.get(variant)
        if row is None:
            continue
        colour, y = COLOURS.get(row["library"], OTHERS), _y(line)
        spread = f"M{x(row['low']):.1f} {y}H{x(row['high']):.1f}"
        parts.append(f'  <path d="{spread}" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'  <circle cx="{x(row["ratio"]):.1f}" cy="{y}" r="4" fill="{colour}"/>')
        parts.append(_text(x(max(row["high"], row["ratio"])) + 8, y + 4, f"{row['ratio']:.2f}"))
    return parts


def _y(line: int) -> float:
    return TOP + ROW * line + ROW / 2


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400, colour: str = "#1b2b30"
) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f'  <text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
