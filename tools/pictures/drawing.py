"""The parts that the site's drawings are made of, in one style for all of them.

A drawing is an SVG file that a page shows as an image. It brings its own background and two sets of colours,
chosen by `prefers-color-scheme`. For an image this is the `color-scheme` of its element, which the site's
switch sets; a browser that asks the system instead shows a card of the other theme. Text stays text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from xml.sax.saxutils import escape

# What each part looks like, (light, dark). tests/site/test_drawings.py holds the contrasts.
COLOURS = {
    "card": ("#ffffff", "#262a35"),
    "ink": ("#1b2b30", "#eceff1"),
    "soft": ("#455a64", "#b9c4ca"),
    "line": ("#37474f", "#aebcc4"),
    "faint": ("#90a4ae", "#6f7f89"),
    "frame": ("#f3f7f6", "#2d323f"),
    "module": ("#d7efe9", "#1d4f48"),
    "stream": ("#00796b", "#4db6ac"),
    "hook": ("#a84300", "#ffb060"),
    "touched": ("#ffe3c7", "#5d3d20"),
    "edited": ("#ffb877", "#8a5220"),
    "second": ("#fff3d6", "#4f4526"),
}

STYLE = """\
svg { font: 15px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; %s }
@media (prefers-color-scheme: dark) { svg { %s } }
text { fill: var(--ink); text-anchor: middle } .soft { fill: var(--soft) } .small { font-size: 13px }
.name { font-weight: 600 } .start { text-anchor: start } .end { text-anchor: end }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: 13px }
.card { fill: var(--card) } .frame { fill: var(--frame); stroke: var(--faint); stroke-dasharray: 5 4 }
.plain, .sum { fill: var(--card) } .module { fill: var(--module) } .second { fill: var(--second) }
.plain, .module, .second, .sum { stroke: var(--line); stroke-width: 2 }
.arrow { fill: none; stroke: var(--line); stroke-width: 2 } .head { fill: var(--line) }
.stream { fill: none; stroke: var(--stream); stroke-width: 6 } .streamhead { fill: var(--stream) }
.hook { fill: var(--hook); stroke: var(--card); stroke-width: 2 } .hooked { fill: var(--hook) }
.wire { fill: none; stroke: var(--hook); stroke-width: 2; stroke-dasharray: 4 3 }
.direction { fill: none; stroke: var(--hook); stroke-width: 3 }
.seen { fill: var(--module); stroke: var(--line) } .empty { fill: var(--card); stroke: var(--faint) }
.touched { fill: var(--touched); stroke: var(--line) }
.edited { fill: var(--edited); stroke: var(--hook); stroke-width: 2.5 }
.padding, .cached { fill: var(--card); stroke: var(--faint); stroke-dasharray: 4 3 }
.rule { stroke: var(--faint) }"""


def _style() -> str:
    light, dark = (
        " ".join(f"--{name}: {pair[which]};" for name, pair in COLOURS.items()) for which in (0, 1)
    )
    return STYLE % (light, dark)


@dataclass
class Drawing:
    """An SVG that is put together from the parts below; x and y are those of a middle."""

    width: int
    height: int
    title: str
    parts: list[str] = field(default_factory=list)

    def svg(self) -> str:
        """The file."""
        size = f'viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}"'
        return "\n".join(
            [
                f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" aria-labelledby="t">',
                f'<title id="t">{escape(self.title)}</title>',
                "<!-- Made by tools/pictures/drawings.py. -->",
                f"<style>\n{_style()}\n</style>",
                f'<rect class="card" width="{self.width}" height="{self.height}" rx="8"/>',
                *self.parts,
                "</svg>\n",
            ]
        )

    def text(self, x: float, y: float, text: str, kind: str = "") -> None:
        """A line of text, its middle at x, its foot at y."""
        named = f' class="{kind}"' if kind else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{named}>{escape(text)}</text>')

    def rect(self, left: float, top: float, width: float, height: float, kind: str, round: int = 8) -> None:
        place = f'x="{left:g}" y="{top:g}" width="{width:g}" height="{height:g}" rx="{round}"'
        self.parts.append(f'<rect class="{kind}" {place}/>')

    def path(self, d: str, kind: str) -> None:
        self.parts.append(f'<path class="{kind}" d="{d}"/>')

    def frame(self, left: float, top: float, width: float, height: float, name: str) -> None:
        """The outline of a module whose inside is shown."""
        self.rect(left, top, width, height, "frame", 10)
        self.text(left + 14, top + 24, name, "soft start")

    def box(self, x: float, y: float, width: float, height: float, *lines: str, kind: str = "plain") -> None:
        """A module, or a step of a computation."""
        self.rect(x - width / 2, y - height / 2, width, height, kind)
        for n, line in enumerate(lines):
            self.text(x, y + 5 + 17 * (n - (len(lines) - 1) / 2), line)

    def stream(self, x: float, y: float, to: float, arrow: bool = True) -> None:
        """The residual stream, from left to right."""
        self.path(f"M{x:g} {y:g}H{to - 10 * arrow:g}", "stream")
        if arrow:
            self.path(f"M{to - 13:g} {y - 9:g} {to:g} {y:g} {to - 13:g} {y + 9:g}z", "streamhead")

    def arrow(self, *points: tuple[float, float]) -> None:
        """A thin arrow along points; its last piece is level or upright."""
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        line = " ".join(f"{a:g} {b:g}" for a, b in [*points[:-1], (x - 5 * dx, y - 5 * dy)])
        self.path("M" + line, "arrow")
        left, right = (x - 8 * dx - 4 * dy, y - 8 * dy - 4 * dx), (x - 8 * dx + 4 * dy, y - 8 * dy + 4 * dx)
        self.path("M{:g} {:g} {:g} {:g} {:g} {:g}z".format(*left, x, y, *right), "head")

    def sum(self, x: float, y: float) -> None:
        """An addition to the stream."""
        self.parts.append(f'<circle class="sum" cx="{x:g}" cy="{y:g}" r="12"/>')
        self.path(f"M{x - 6:g} {y:g}h12M{x:g} {y - 6:g}v12", "arrow")

    def hook(self, x: float, y: float, size: float = 10) -> None:
        """A hook: a diamond at the place where it listens."""
        self.path(f"M{x - size:g} {y:g} {x:g} {y - size:g} {x + size:g} {y:g} {x:g} {y + size:g}z", "hook")

    def named_hook(self, x: float, y: float, below: float, *lines: str) -> None:
        """A hook with its name some way below it."""
        self.path(f"M{x:g} {y + 11:g}V{below - 16:g}", "wire")
        self.hook(x, y)
        for n, line in enumerate(lines):
            self.text(x, below + 17 * n, line, "hooked" if n == 0 else "hooked small")

    def cell(self, left: float, top: float, width: float, height: float, kind: str, text: str = "") -> None:
        """A position of the stream: one vector."""
        self.rect(left + 1.5, top + 1.5, width - 3, height - 3, kind, 4)
        if text:
            look = "mono soft" if kind in ("padding", "cached") else "mono"
            self.text(left + width / 2, top + height / 2 + 4.5, text, look)
