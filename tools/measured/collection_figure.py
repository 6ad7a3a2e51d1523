"""The figure of a collection's memory against the size of the data.

SVG as text, so that it is the same on every machine and can be compared exactly. It brings its own light
ground and is readable in both themes, as the other diagrams are.
"""

from __future__ import annotations

from html import escape
from typing import Any

WIDTH, HEIGHT = 640, 340
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 56, 270
PEAK, DISK, BEFORE = "#00796b", "#b24a00", "#37474f"


def figure(sizes: list[dict[str, Any]]) -> str:
    """The text of the SVG: what is on the disk grows, what is in memory does not."""
    top = 1.1 * max(max(row["bytes"], row["highest_peak"]) for row in sizes) / 2**20
    last = sizes[-1]["times"]

    def x(times: float) -> float:
        return float(LEFT + (WIDTH - LEFT - RIGHT) * times / last)

    def y(size: float) -> float:
        return float(BOTTOM - (BOTTOM - TOP) * size / 2**20 / top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        'aria-labelledby="t" font-family="system-ui, sans-serif" font-size="12">',
        '  <title id="t">Memory of a collection against the size of the data</title>',
        f'  <rect width="{WIDTH}" height="{HEIGHT}" rx="8" fill="#ffffff"/>',
        _text(12, 24, "Ten times the data, the same memory (MiB)", weight=600),
    ]
    step = _step(top)
    for mark in range(0, int(top) + 1, step):
        at = y(mark * 2**20)
        parts.append(f'  <path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#d5dde0"/>')
        parts.append(_text(LEFT - 8, at + 4, f"{mark:,}", anchor="end"))
    for row in sizes:
        label = f"{row['times']}×"
        parts.append(_text(x(row["times"]), BOTTOM + 18, label, anchor="middle"))
    lines = (
        ("bytes", DISK, "on the disk", "6 4", 4),
        ("peak", PEAK, "peak in memory", "", -2),
        ("before", BEFORE, "before it began", "2 3", 10),
    )
    for name, colour, label, dashes, down in lines:
        points = [(x(row["times"]), y(row[name])) for row in sizes]
        path = "L".join(f"{across:.1f} {up:.1f}" for across, up in points)
        parts.append(
            f'  <path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5" '
            f'stroke-dasharray="{dashes}"/>'
        )
        parts += [
            f'  <circle cx="{across:.1f}" cy="{up:.1f}" r="4" fill="{colour}"/>' for across, up in points
        ]
        across, up = points[-1]
        last_value = f"{label}, {sizes[-1][name] / 2**20:,.0f}"
        parts.append(_text(across + 10, up + down, last_value, colour=colour, weight=600))
    foot = f"Data: 1× is {sizes[0]['tokens']:,} tokens. Memory without the pages of files that are mapped."
    parts.append(_text(12, HEIGHT - 16, foot, colour="#4b5358"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _step(top: float) -> int:
    """Between lines, such that there are four to eight of them."""
    return next(step for step in (50, 100, 200, 250, 500, 1000, 2000, 5000) if top / step <= 8)


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", weight: int = 400, colour: str = "#1b2b30"
) -> str:
    style = f'text-anchor="{anchor}" font-weight="{weight}" fill="{colour}"'
    return f'  <text x="{x:.1f}" y="{y:.1f}" {style}>{escape(text)}</text>'
