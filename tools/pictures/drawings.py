"""Draw the site's pictures of the residual stream.

    python -m tools.pictures.drawings [--check] [--docs docs]

They share one language (`drawing.py`): the stream is a thick line, a module a box, a hook a diamond where
it listens, a position a cell. tests/site/test_drawings.py compares what they claim with the model.
"""

from __future__ import annotations

import sys

from tools.pictures.drawing import Drawing
from tools.pictures.drawn_positions import generate_calls, positions_layers, positions_padding
from tools.reference.generated import bring_up_to_date, parser


def home() -> Drawing:
    d = Drawing(420, 236, "A direction of the stream is taken out by hooks")
    for top, hooked in ((0, False), (118, True)):
        y = top + 70
        d.text(14, top + 26, "with hooks" if hooked else "as it is", "name start")
        d.stream(14, y, 322)
        for n in range(4):
            d.box(78 + 62 * n, y, 36, 44, kind="module")
        if hooked:  # what a block writes back is there until the next hook
            d.path(f"M14 {y + 8}H50" + "".join(f"M{97 + 62 * n} {y + 8}h15" for n in range(4)), "direction")
            for n in range(4):
                d.hook(50 + 62 * n, y, 9)
        else:
            d.path(f"M14 {y + 8}H300", "direction")
        d.text(371, y - 4, "answers" if hooked else "refuses", "name")
        d.text(371, y + 14, "the request", "small soft")
    d.text(166, 112, "the direction that says “refuse”", "hooked small")
    d.text(166, 228, "hooks keep it from every block", "hooked small")
    return d


def module_call() -> Drawing:
    d = Drawing(700, 176, "A module call: arguments, pre-hooks, forward, forward hooks, result")
    d.frame(92, 14, 516, 148, "module(x)")
    for x, name in ((178, "pre-hooks"), (350, "forward"), (522, "forward hooks")):
        d.box(x, 88, 132, 52, name, kind="module" if name == "forward" else "plain")
    for x, to in ((62, 112), (244, 284), (416, 456), (588, 638)):
        d.arrow((x, 88), (to, 88))
    for x, what in ((178, "args"), (522, "output")):
        d.hook(x, 62)
        d.text(x, 140, f"may replace {what}", "hooked small")
    d.text(34, 93, "args", "mono")
    d.text(669, 93, "output", "mono")
    return d


def hooks_at_a_block() -> Drawing:
    d = Drawing(
        640, 196, "A pre-hook sits before a block, a forward hook after it, both on the residual stream"
    )
    y = 66
    d.stream(14, y, 626)
    for x, name in ((96, "block 1"), (320, "block 2"), (544, "block 3")):
        d.box(x, y, 92, 56, name, kind="module")
    d.text(208, 30, "what comes in", "small soft")
    d.text(432, 30, "what goes out", "small soft")
    for x, name, seen in ((232, "pre-hook", "args"), (408, "forward hook", "output")):
        d.named_hook(x, y, 134, name, "on block 2")
        d.text(x, 171, f"sees the {seen},", "small soft")
        d.text(x, 188, "may replace them" if seen == "args" else "may replace it", "small soft")
    return d


def stream_flow() -> Drawing:
    d = Drawing(
        790,
        272,
        "The residual stream from the embedding through the blocks to the logits, and where hooks listen",
    )
    y = 76
    d.stream(100, y, 598)
    d.arrow((664, y), (688, y))
    d.box(56, y, 92, 50, "embedding")
    for x, name in ((210, "block 0"), (352, "block 1"), (496, "block n−1")):
        d.box(x, y, 86, 50, name, kind="module")
    d.rect(408, y - 8, 30, 16, "card", 0)
    d.text(423, y + 5, "…", "name")
    d.box(632, y, 64, 50, "final", "norm")
    d.box(734, y, 90, 50, "unem-", "bedding")
    for x, name, on in ((138, "0", "0"), (280, "1", "1"), (446, "n−1", "n−1")):
        d.text(x - 8 * (x == 446), 36, f"stream {name}", "name")
        d.named_hook(x, y, 154, "pre-hook", f"on block {on}")
    d.text(564, 36, "stream n", "name")
    d.named_hook(564, y, 154, "forward hook", "on block n−1")
    d.path("M14 196H776", "rule")
    d.text(14, 228, "hidden_states", "mono start")
    for x, entry in ((138, "[0]"), (280, "[1]"), (446, "[n−1]"), (564, "none"), (676, "[n] = [−1]")):
        d.text(x, 228, entry, "mono" if entry != "none" else "soft")
    d.text(676, 248, "after the norm", "small soft")
    d.arrow((676, 212), (676, y + 6))
    return d


def _writer(d: Drawing, x: float, y: float, up: int, name: str, wide: int) -> None:
    """A norm and a module that read the stream at x and add to it further right; `up`: -1 is above it."""
    level = y + 82 * up
    d.arrow((x, y), (x, level - 24 * up))
    d.box(x, level, 64, 46, "norm")
    d.arrow((x + 33, level), (x + 62, level))
    d.box(x + 62 + wide / 2, level, wide, 46, name, kind="module")
    out = x + 62 + wide / 2
    d.arrow((out, level - 24 * up), (out, y + 12 * up))
    d.sum(out, y)


def block_pre_norm() -> Drawing:
    d = Drawing(
        640,
        246,
        "A pre-norm block: attention, then the MLP, read a normalised copy of the stream and add to it",
    )
    d.frame(76, 14, 488, 178, "block i")
    d.stream(14, 156, 626)
    _writer(d, 122, 156, -1, "attention", 100)
    _writer(d, 362, 156, -1, "MLP", 100)
    d.text(294, 182, "stream + attention", "small soft")
    d.text(14, 216, "stream i", "name start")
    d.text(14, 234, "what the block gets", "small soft start")
    d.text(626, 216, "stream i+1", "name end")
    d.text(626, 234, "what it hands on", "small soft end")
    return d


def block_parallel_sandwich() -> Drawing:
    d = Drawing(
        640,
        500,
        "A parallel block: attention and MLP read the same stream. A sandwich block: norms on both sides",
    )
    d.frame(76, 14, 488, 250, "parallel block")
    d.stream(14, 144, 626)
    for y, name in ((80, "attention"), (208, "MLP")):
        up = -1 if y < 144 else 1
        d.arrow((130, 144), (130, y), (186, y))
        d.box(220, y, 64, 46, "norm")
        d.arrow((253, y), (298, y))
        d.box(350, y, 100, 46, name, kind="module")
        d.arrow((401, y), (490, y), (490, 144 + 13 * up))
    d.sum(490, 144)
    d.text(310, 130, "no stream in between", "small soft")
    d.frame(76, 286, 488, 180, "sandwich block")
    d.stream(14, 432, 626)
    for x, name, wide in ((114, "attention", 86), (356, "MLP", 68)):
        middle, end = x + 46 + wide / 2, x + 46 + wide + 46
        d.arrow((x, 432), (x, 378))
        d.box(x, 353, 58, 46, "norm")
        d.arrow((x + 30, 353), (x + 45, 353))
        d.box(middle, 353, wide, 46, name, kind="module")
        d.arrow((x + 47 + wide, 353), (end - 30, 353))
        d.box(end, 353, 58, 46, "norm", kind="second")
        d.arrow((end, 377), (end, 420))
        d.sum(end, 432)
    d.text(320, 490, "the second norm of each pair writes to the stream", "small soft")
    return d


def legend() -> Drawing:
    d = Drawing(640, 176, "The signs that all drawings share")
    d.stream(14, 42, 92)
    d.text(53, 76, "the residual", "small")
    d.text(53, 93, "stream", "small")
    d.box(180, 42, 76, 44, "module", kind="module")
    d.text(180, 84, "reads, adds", "small")
    d.box(292, 42, 66, 44, "step")
    d.text(292, 84, "a smaller part", "small")
    d.sum(396, 42)
    d.text(396, 84, "added", "small")
    d.hook(478, 42)
    d.text(478, 84, "a hook listens", "small")
    d.cell(560, 22, 56, 40, "empty", "token")
    d.text(588, 84, "one position", "small")
    kinds = (("edited", "edited"), ("touched", "feels an edit"), ("seen", "in this call"))
    for n, (kind, meaning) in enumerate((*kinds, ("cached", "not in it, or padding"))):
        left = (14, 128, 290, 440)[n]
        d.cell(left, 122, 26, 26, kind)
        d.text(left + 34, 140, meaning, "small start")
    return d


DRAWINGS = {
    "legend": legend,
    "home": home,
    "module-call": module_call,
    "hooks-at-a-block": hooks_at_a_block,
    "stream-flow": stream_flow,
    "block-pre-norm": block_pre_norm,
    "block-parallel-sandwich": block_parallel_sandwich,
    "positions-layers": positions_layers,
    "positions-padding": positions_padding,
    "generate-calls": generate_calls,
}


def main(arguments: list[str] | None = None) -> int:
    options = parser(__doc__).parse_args(arguments)
    folder = options.docs.resolve() / "assets"
    files = {folder / f"{name}.svg": draw().svg() for name, draw in DRAWINGS.items()}
    return bring_up_to_date(
        files, folder.glob("*.svg"), options, tool="drawings.py", orphan_is=" is drawn by nothing"
    )


if __name__ == "__main__":
    sys.exit(main())
