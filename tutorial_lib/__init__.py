"""Read and edit what happens inside a HuggingFace transformer, with plain PyTorch hooks.

from tutorial_lib import add_hooks, cache_residual_streams, load_model

model, tokenizer = load_model()
cache, output = cache_residual_streams(model, **tokenizer("Hello there", return_tensors="pt"))
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tutorial_lib._api import *  # noqa: F403
    from tutorial_lib._api import __all__ as __all__

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """The public names of `_api.py`, which needs torch: the `hooking` command should not wait for it."""
    if name != "__all__" and name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    api = importlib.import_module("tutorial_lib._api")
    try:
        return getattr(api, name)
    except AttributeError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *importlib.import_module("tutorial_lib._api").__all__})
