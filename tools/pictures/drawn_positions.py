"""The drawings whose cells are positions of the stream: what an edit touches, padding, the calls of generate.

tests/site/test_drawings.py runs the model and compares `touched`, `seen_by` and the tokens with what it does.
"""

from __future__ import annotations

from tools.pictures.drawing import Drawing

TOKENS = ("bos", "The", "capital", "of", "France", "is")
EDITED = (1, 4)  # layer and position
PADDED = (
    ("pad", "bos", "The", "capital", "of", "France", "is"),
    ("bos", "In", "Peru", ",", "most", "people", "speak"),
)
COUNTRIES = (-2, -5)
PROMPT, NEW = ("bos", "The", "acting", "was"), ("really", "excellent")


def touched(layer: int, position: int) -> str:
    """What an edit of the stream at EDITED does to another place of it."""
    if (layer, position) == EDITED:
        return "edited"
    return "touched" if layer > EDITED[0] and position >= EDITED[1] else "empty"


def positions_layers() -> Drawing:
    d = Drawing(
        640, 304, "Layers by positions: one edited place of the stream, and every place that feels it"
    )
    left, top, wide, high = 112, 40, 70, 40
    for row, layer in enumerate(reversed(range(5))):
        d.text(98, top + high * row + 25, f"stream {layer}", "small end")
        for position in range(len(TOKENS)):
            d.cell(left + wide * position, top + high * row, wide, high, touched(layer, position))
    for position, token in enumerate(TOKENS):
        d.text(left + wide * (position + 0.5), top + high * 5 + 20, token, "mono")
        d.text(left + wide * (position + 0.5), top + high * 5 + 38, str(position), "small soft")
    d.text(98, top + high * 5 + 38, "position", "small soft end")
    layer, position = EDITED
    x, y = left + wide * (position + 0.5), top + high * (4 - layer) + high / 2
    d.hook(x, y)
    d.text(left, 26, "later layers, above", "small soft start")
    d.text(left + wide * 6, 26, "later positions, to the right", "small soft end")
    for n, (kind, text) in enumerate((("edited", "edited"), ("touched", "feels it"), ("empty", "as it was"))):
        d.cell(546, 52 + 40 * n, 22, 22, kind)
        d.text(574, 68 + 40 * n, text, "small start")
    return d


def positions_padding() -> Drawing:
    d = Drawing(
        640, 176, "Two texts of a batch, the shorter one padded on the left, edited at the country of each"
    )
    left, wide = 64, 80
    for n in range(7):
        d.text(left + wide * (n + 0.5), 30, f"−{7 - n}", "mono soft")
    for row, (tokens, country) in enumerate(zip(PADDED, COUNTRIES, strict=True)):
        top = 42 + 56 * row
        d.text(52, top + 25, f"row {row}", "small end")
        for n, token in enumerate(tokens):
            kind = "padding" if token == "pad" else "edited" if n == 7 + country else "empty"
            d.cell(left + wide * n, top, wide, 40, kind, token)
        d.hook(left + wide * (7.5 + country), top + 40, 8)
    d.text(left + wide / 2, 164, "padding", "small soft")
    d.text(left + wide * 4, 164, "an edit at −2 in row 0 and at −5 in row 1", "hooked small")
    return d


def generate_calls() -> Drawing:
    title = "Which tokens each call of the model gets while it generates, with and without a cache"
    d = Drawing(640, 412, title)
    left, wide, text = 152, 79, [*PROMPT, *NEW]
    for top, cached, name in ((0, True, "with a cache"), (194, False, "without a cache")):
        d.text(14, top + 28, name, "name start")
        d.text(left + wide * 2, top + 28, "prompt", "small soft")
        d.text(left + wide * 5, top + 28, "new tokens", "small soft")
        for call in range(3):
            y = top + 40 + 44 * call
            d.text(14, y + 24, f"call {call + 1}", "start")
            if cached:
                d.text(left - 12, y + 24, "decode" if call else "prefill", "small soft end")
            for n, token in enumerate(text[: len(PROMPT) + call]):
                kind = "seen" if n in range(len(text))[seen_by(call, cached)] else "cached"
                d.cell(left + wide * n, y, wide, 38, kind, token)
    d.path("M14 184H626", "rule")
    keys = ((152, "seen", "a hook sees it in this call"), (390, "cached", "in the cache: no hook sees it"))
    for x, kind, meaning in keys:
        d.cell(x, 380, 20, 20, kind)
        d.text(x + 27, 395, meaning, "small start")
    return d


def seen_by(call: int, cached: bool) -> slice:
    """The tokens that a call of generate hands to the model."""
    end = len(PROMPT) + call
    return slice(end - 1 if cached and call else 0, end)
