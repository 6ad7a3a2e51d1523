"""What transformers says of a model: the model inside its wrappers, its text config, its parts."""

from collections.abc import Callable
from typing import Any

from torch import nn

WRAPPERS = ("OptimizedModule", "DataParallel", "DistributedDataParallel")
WIDTH_FIELDS = ("hidden_size", "d_model", "n_embd", "emb_dim")


def text_host(model: nn.Module) -> Any:
    """The transformers model: `model` itself, or the first inside a wrapper such as DataParallel, or None."""
    for module in model.modules():
        if hasattr(module, "config") and hasattr(module, "get_input_embeddings"):
            return module
    return None


def unwrapped(model: nn.Module) -> nn.Module:
    """The model inside torch.compile's and DataParallel's wrappers, which change only how it is run."""
    while type(model).__name__ in WRAPPERS:
        model = next(model.children())
    return model


def text_config(host: Any) -> Any:
    """The config of the text decoder. A multimodal config has no `hidden_size` of its own."""
    try:
        return host.config.get_text_config(decoder=True)
    except (AttributeError, ValueError):  # no such method, or several text configs
        return host.config


def own_part(getter: Callable[[], Any]) -> nn.Module | None:
    """What a getter of transformers gives; a model that has no such part returns None or raises."""
    try:
        part = getter()
    except (AttributeError, NotImplementedError):
        return None
    return part if isinstance(part, nn.Module) else None


def width_of(config: Any) -> int | None:
    """The width d_model of the residual stream as a text config says it, else None."""
    said = [getattr(config, name, None) for name in WIDTH_FIELDS]
    return next((width for width in said if isinstance(width, int)), None)
