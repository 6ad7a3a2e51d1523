"""Figures of a page: how they are drawn and how they are compared with the image on the page.

Two versions of matplotlib set text differently: the same figure drawn by 3.10 and by 3.11 differs by 20 to
39 grey levels (root mean square), while one wrong cell of a heat map makes 1.5. No tolerance on pixels tells
the two apart. So an image carries, as a PNG text chunk, the version that drew it and the numbers and words it
shows: these are always compared, and the pixels too where the version is the same.
"""

from __future__ import annotations

import io
import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.testing.compare import compare_images
from matplotlib.testing.exceptions import ImageComparisonFailure
from matplotlib.text import Text
from PIL import Image

DPI = 144
CHUNK = "Drawn"
PIXELS = 1.0  # grey levels, root mean square: a curve moved by 1 % of the height makes 1.9
NUMBERS = 0.01  # of the range of what is drawn: another CPU rounds otherwise
KEPT = 400  # numbers of one artist that are stored
VERSION = ".".join(matplotlib.__version__.split(".")[:2])


def as_png(figure: Any) -> bytes:
    drawn = json.dumps({"matplotlib": VERSION, "shows": contents(figure)})
    file = io.BytesIO()
    metadata = {"Software": None, CHUNK: drawn}
    figure.savefig(file, format="png", dpi=DPI, facecolor="white", transparent=False, metadata=metadata)
    return file.getvalue()


def contents(figure: Any) -> list[list[Any]]:
    """What a figure shows apart from its layout: pairs of a name and text or numbers."""
    suptitle = figure.get_suptitle()
    found: list[list[Any]] = [["title of the figure", suptitle]] if suptitle else []
    for n, axes in enumerate(figure.axes, 1):
        found += [[f"axes {n}, {name}", value] for name, value in _of_axes(axes)]
    return found


def _of_axes(axes: Axes) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = [
        ("title", axes.get_title()),
        ("labels", f"{axes.get_xlabel()} | {axes.get_ylabel()}"),
        ("scales", f"{axes.get_xscale()} {axes.get_yscale()}"),
        ("limits", _numbers([*axes.get_xlim(), *axes.get_ylim()])),
    ]
    if legend := axes.get_legend():
        found.append(("legend", " | ".join(text.get_text() for text in legend.get_texts())))
    counts: dict[str, int] = {}
    for artist in axes.get_children():
        if artist is axes.patch or not artist.get_visible():
            continue
        kind = type(artist).__name__
        shown = _of_artist(artist)
        if shown:
            counts[kind] = counts.get(kind, 0) + 1
            found += [(f"{kind} {counts[kind]}", value) for value in shown]
    return found


def _of_artist(artist: Any) -> list[Any]:
    if isinstance(artist, Line2D):
        return [_numbers(artist.get_xydata()), _colours(artist.get_color())]
    if isinstance(artist, Patch):
        corners = artist.get_patch_transform().transform(artist.get_path().vertices)
        return [_numbers(corners), _colours(artist.get_facecolor())]
    if isinstance(artist, AxesImage):
        return [_numbers(artist.get_array())]
    if isinstance(artist, Collection):
        outlines = [path.vertices for path in artist.get_paths()[:KEPT]]
        parts = [artist.get_array(), artist.get_offsets(), np.concatenate(outlines) if outlines else None]
        return [*[_numbers(part) for part in parts if part is not None], _colours(artist.get_facecolor())]
    if isinstance(artist, Text) and artist.get_text() and artist.axes and artist in artist.axes.texts:
        return [artist.get_text(), _numbers(artist.get_position())]
    return []


def _numbers(values: Any) -> list[float]:
    """At most KEPT of the numbers, and their mean, to four digits."""
    flat = np.ma.filled(np.ma.asarray(values).astype(float), np.nan).ravel()
    if not flat.size:
        return []
    some = flat[:: math.ceil(flat.size / KEPT)]
    with np.errstate(all="ignore"):
        return [float(f"{value:.4g}") for value in [flat.size, *some, flat.mean()]]


def _colours(colour: Any) -> list[float]:
    return _numbers(matplotlib.colors.to_rgba_array(colour))


def difference(image: Path, png: bytes, *, keep: bool = True) -> str | None:
    """How the figure `png` differs from the `image` on the page, or None.

    If it does, the images compared are kept in a temporary folder, which the answer names.
    """
    drawn, wanted = _chunk(io.BytesIO(png)), _chunk(image)
    changed = None if wanted is None else _changes(wanted["shows"], drawn["shows"])
    same_version = wanted is None or wanted["matplotlib"] == drawn["matplotlib"]
    if changed is None and not same_version:
        return None
    folder = Path(tempfile.mkdtemp(prefix="figures-"))
    now = folder / f"{image.stem}-now.png"
    now.write_bytes(png)
    shown = shutil.copy(image, folder / f"{image.stem}-on-page.png")
    try:
        unlike = compare_images(str(shown), str(now), tol=PIXELS, in_decorator=True)
        pixels = (
            f"{unlike['rms']:.1f} grey levels apart (allowed {PIXELS})" if unlike and same_version else None
        )
    except (ImageComparisonFailure, ValueError) as error:  # the images differ in size
        pixels = " ".join(str(error).split())
    different = pixels is not None or changed is not None
    if not (keep and different):
        shutil.rmtree(folder)
    if not different:
        return None
    return f"{'; '.join(filter(None, [changed, pixels]))}\nboth images and their difference: {folder}"


def _chunk(image: Any) -> Any:
    with Image.open(image) as opened:
        text = opened.info.get(CHUNK)
    return None if text is None else json.loads(text)


def _changes(old: list[list[Any]], new: list[list[Any]]) -> str | None:
    if [name for name, _ in old] != [name for name, _ in new]:
        return f"it shows {len(new)} things, {len(old)} before, or in another order"
    changed = []
    for (name, before), (_, now) in zip(old, new, strict=True):
        if isinstance(before, str) or isinstance(now, str):
            changed += [f"{name} ({before!r} became {now!r})"] * (before != now)
        elif not _close(before, now):
            changed.append(f"{name} (numbers)")
    return f"changed: {', '.join(changed)}" if changed else None


def _close(before: list[float], now: list[float]) -> bool:
    if len(before) != len(now):
        return False
    a, b = np.array(before), np.array(now)
    values = a[1:][np.isfinite(a[1:])]
    span = float(np.ptp(values)) if values.size else 0.0
    size = float(np.abs(values).max()) if values.size else 0.0
    # what is constant has no range: then a share of its size counts
    return bool(np.allclose(a, b, rtol=0, atol=NUMBERS * (span or size) + 1e-9, equal_nan=True))
