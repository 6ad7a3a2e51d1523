"""Find the transformer blocks of a model, once for each model.

There is no table of models here. A few rules, read from the modules and the config, hold for the decoder
families of transformers.
"""

import operator
import weakref
from collections.abc import Callable
from typing import Any

from torch import nn

DEPTH_FIELDS = (
    "num_hidden_layers",
    "n_layer",
    "n_layers",
    "num_layers",
    "decoder_layers",
    "num_decoder_layers",
)
# Parts of a model that have blocks of their own, which are not the blocks of the language model.
OTHER_PARTS = (
    "vision",
    "visual",
    "image",
    "audio",
    "speech",
    "encoder",
    "extractor",
    "expert",
    "adapter",
    "mtp",
)
WRAPPERS = ("OptimizedModule", "DataParallel", "DistributedDataParallel")
# For each model: the path of its blocks and a weak reference to them. Paths and weak references only, so that
# the table never keeps a model alive, and a table outside the model, so that deepcopy does not copy it.
_found: "weakref.WeakKeyDictionary[nn.Module, tuple[str, weakref.ref[nn.ModuleList]]]" = (
    weakref.WeakKeyDictionary()
)


def find_blocks(model: nn.Module) -> nn.ModuleList:
    """The transformer blocks of a model, from the first to the last.

    The search walks over all modules, so it is done once for a model and then looked up.

    Raises:
        ValueError: the model has no blocks of a decoder; the message says what was looked for.
    """
    return _located(model)[1]


def find_blocks_path(model: nn.Module) -> str:
    """The name of the blocks in the model, such as "model.layers"; raises as `find_blocks` does."""
    return _located(model)[0]


def check_layer(layer_idx: Any, n_layers: int, *, after_last_block: bool = False) -> int:
    """The layer as an int.

    Args:
        layer_idx: counted from 0; negative numbers are refused, as -1 could mean two things here.
        n_layers: the number of blocks of the model.
        after_last_block: also allow `n_layers`, the stream after the last block.

    Raises:
        TypeError: not a whole number (True and False are not layers either).
        ValueError: not a layer of the model.
    """
    last = n_layers if after_last_block else n_layers - 1
    if isinstance(layer_idx, bool) or not hasattr(layer_idx, "__index__"):
        raise TypeError(f"a layer must be a whole number from 0 to {last}, got {layer_idx!r}")
    layer = operator.index(layer_idx)
    if not 0 <= layer <= last:
        raise ValueError(f"layer {layer} is out of range: the model has {n_layers} blocks, use 0 to {last}")
    return layer


def stream_width(model: nn.Module) -> int | None:
    """The width d_model of the residual stream, None where no config says it."""
    host = text_host(model)
    return None if host is None else getattr(text_config(host), "hidden_size", None)


def _located(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """Path and blocks, searched for only if the answer found before is no longer true."""
    known = _found.get(model)
    if known is not None:
        path, found = known[0], known[1]()
        try:
            if found is not None and model.get_submodule(path) is found:
                return path, found
        except AttributeError:  # a part of the path was taken out of the model
            pass
    path = _search(model)
    blocks = model.get_submodule(path)
    assert isinstance(blocks, nn.ModuleList)
    _found[model] = path, weakref.ref(blocks)
    return path, blocks


def _search(model: nn.Module) -> str:
    """The path of the module list that is the decoder's blocks: see the comments for the rules."""
    host = text_host(model)
    depths = (
        {getattr(text_config(host), field, None) for field in DEPTH_FIELDS} if host is not None else set()
    )
    decoder = own_part(host.get_decoder) if hasattr(host, "get_decoder") else None
    in_decoder = {id(module) for module in decoder.modules()} if decoder is not None else set()

    def rank(path: str) -> tuple[bool, bool, bool, int, int]:
        blocks = model.get_submodule(path)
        return (
            id(blocks) in in_decoder,
            not any(part.isdigit() for part in path.split(".")),  # a list inside a block is not the blocks
            len(list(blocks.children())) in depths,
            -path.count("."),
            sum(parameter.numel() for parameter in blocks.parameters()),
        )

    lists = [name for name, module in model.named_modules() if _could_be_blocks(module)]
    paths = [path for path in lists if not any(part in path for part in OTHER_PARTS)]
    if not paths and _generates(host):
        # BERT as a language model keeps its blocks in `bert.encoder`.
        paths = [path for path in lists if not any(part in path for part in OTHER_PARTS if part != "encoder")]
    best: str | None = max(paths, key=rank, default=None)
    if best is None or (not _generates(host) and _looks_both_ways(model.get_submodule(best))):
        seen = f"; its module lists are {lists}" if lists else "; it has no module list of that sort"
        raise ValueError(
            f"{type(model).__name__} has no decoder blocks: looked for an nn.ModuleList of modules that "
            f"have parts, outside {', '.join(OTHER_PARTS)} parts, whose attention is causal{seen}"
        )
    return best


def _could_be_blocks(module: nn.Module) -> bool:
    """A list of compound modules: a block has an attention and an MLP inside, a list of Linears has not."""
    return (
        isinstance(module, nn.ModuleList)
        and not any(isinstance(element, nn.ModuleList) for element in module)
        and any(next(element.children(), None) is not None for element in module)
    )


def _looks_both_ways(blocks: nn.Module) -> bool:
    """Whether the attention in the blocks says that it is not causal, which makes the model an encoder."""
    causal = [
        module.is_causal
        for module in blocks.modules()
        if isinstance(getattr(module, "is_causal", None), bool)
    ]
    return bool(causal) and not any(causal)


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


def _generates(host: Any) -> bool:
    can_generate = getattr(host, "can_generate", lambda: False)
    return host is not None and (can_generate() or getattr(host.config, "is_decoder", False))


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
