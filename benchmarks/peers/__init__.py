"""Other ways to do the same, each in a file with `PACKAGE`, `LIBRARY`, `MORE` and `variants(job)`.

A file imports its package at the top; where that is not installed or does not run, the result says so.
"""

import importlib
from dataclasses import dataclass

from benchmarks.machine import installed
from benchmarks.variant import LeftOut, Variant
from benchmarks.workload import Workload

FILES = ("baukit_style", "nnsight", "pyvene", "steering_vectors", "transformer_lens")


@dataclass(frozen=True)
class Peer:
    """What is known of a peer on this machine.

    Attributes:
        package: as the package registry names it; empty for one that is on none.
        version: None where it is not installed.
        more: what it does more for its time, empty if it was not loaded.
    """

    library: str
    package: str
    version: str | None
    more: str


def load(job: Workload) -> tuple[list[Peer], list[Variant], list[LeftOut]]:
    """What can run here, and why the rest cannot."""
    peers: list[Peer] = []
    variants: list[Variant] = []
    left_out: list[LeftOut] = []
    for file in FILES:
        package = PACKAGES.get(file, "")
        version = installed(package) if package else None
        library, more = file.replace("_", "-"), ""
        if package and version is None:
            left_out.append(LeftOut(library, "all", f"{package} is not installed"))
        else:
            try:
                module = importlib.import_module(f"benchmarks.peers.{file}")
                library, more = module.LIBRARY, module.MORE
                variants += module.variants(job)
            except Exception as error:  # whatever a library does wrong, the others are still measured
                left_out.append(LeftOut(library, "all", f"did not load: {type(error).__name__}: {error}"))
        peers.append(Peer(library, package, version, more))
    return peers, variants, left_out


PACKAGES = {
    "nnsight": "nnsight",
    "pyvene": "pyvene",
    "steering_vectors": "steering-vectors",
    "transformer_lens": "transformer-lens",
}
