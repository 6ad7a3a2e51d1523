"""Which layers are in force on this machine, found by trying them all in a process that ends right after.

Loads neither torch nor transformers.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tutorial_lib.sandbox import answer_folder, confine, library_copy, users
from tutorial_lib.sandbox.limits import Limits, Protection

_MODULE = "tutorial_lib.sandbox.layers"


def protections(limits: Limits | None = None, *, device: str = "cpu") -> tuple[Protection, ...]:
    """The layers between an answer and this machine: which are in force, and why others are not.

    Args:
        limits: of answers. None: `Limits()`.
        device: where the models are, such as `"cpu"` or `"cuda"`.

    Raises:
        RuntimeError: the process that tries them failed; the message is its own.
    """
    base = answer_folder.make_base()
    settings = {"limits": (limits or Limits()).to_dict(), "base": str(base), "device": device}
    try:
        found = subprocess.run(
            [sys.executable, "-m", _MODULE, json.dumps(settings)],
            env=os.environ | {"PYTHONPATH": str(library_copy.PACKAGE.parent)},
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        answer_folder.remove_base(base)
    if found.returncode:
        raise RuntimeError(f"the layers of isolation could not be tried:\n{found.stderr[-2_000:]}")
    return tuple(Protection(**layer) for layer in json.loads(found.stdout))


def main() -> None:
    """The process that tries them, and prints what it found."""
    settings = json.loads(sys.argv[1])
    base, device = Path(settings["base"]), settings["device"]
    paths = library_copy.permitted_paths(base / "library", library_copy.PACKAGE, device)
    user = users.choose_user(paths.readable)
    folder = base / "jobs" / "0"
    answer_folder.make_home(folder, user.uid)
    layers = confine.confine(confine.Confinement(Limits(**settings["limits"]), folder, user, paths, device))
    print(json.dumps([layer.to_dict() for layer in layers]))


if __name__ == "__main__":
    main()
