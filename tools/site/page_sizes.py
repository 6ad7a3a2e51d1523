"""Check that no page of a built site is too large: `python -m tools.site.page_sizes SITE`.

A page is its HTML as it lies on the disk, without the images that are written into it; what a server sends is
compressed to about a sixth. Run it after tools/site/finish_site.py, which makes pages smaller.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

LIMIT = 150_000  # bytes
# A page that may be larger, as it is named in the message, and why. None so far.
EXCEPTIONS: dict[str, str] = {}
IMAGE = re.compile(rb"data:image/[^\"') ]*")


def sizes(site: Path) -> dict[str, int]:
    """Each page and its bytes, the largest first."""
    found = {
        path.relative_to(site).as_posix(): len(IMAGE.sub(b"", path.read_bytes()))
        for path in site.rglob("*.html")
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))


def problems(found: Mapping[str, int], exceptions: Mapping[str, str], limit: int = LIMIT) -> list[str]:
    """What is wrong, a line each: a page that is too large, and an exception that is none any more."""
    too_large = {name: size for name, size in found.items() if size > limit}
    return [
        f"{name} has {size:,} bytes, more than {limit:,}: divide it, or say in page_sizes.py why not"
        for name, size in too_large.items()
        if name not in exceptions
    ] + [
        f"{name} is no page over {limit:,} bytes: take it out of EXCEPTIONS in tools/site/page_sizes.py"
        for name in exceptions
        if name not in too_large
    ]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("site", type=Path)
    options = parser.parse_args(arguments)
    found = sizes(options.site)
    if not found:
        print(f"no pages in {options.site}")
        return 1
    wrong = problems(found, EXCEPTIONS)
    for line in wrong:
        print(line)
    largest = ", ".join(f"{name} {size:,}" for name, size in list(found.items())[:3])
    print(f"{len(found)} pages, the largest: {largest} bytes")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
