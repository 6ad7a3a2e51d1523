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
WIDTH_FIELDS = ("hidden_size", "d_model", "n_embd", "emb_dim")
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
    "depth_decoder",
)
# Models whose blocks are found, but whose stream is not one [batch, seq, d_model] tensor that goes from block
# to block, by model_type. No rule can see it in the modules; verify.py measures it. Streams of another shape,
# such as Gemma 3n's [4, batch, seq, d_model], need no entry: an edit sees them when it runs.
STREAMS_APART = {
    "xlnet": "its blocks carry [seq, batch, d_model], the batch second",
    "prophetnet": "its blocks carry n-gram streams behind the tokens, [batch, (1 + ngram) * seq, d_model]",
    "cpmant": "its blocks carry a prompt of config.prompt_length positions before the tokens",
    "reformer": "its blocks are reversible: two streams go through them, and hidden_states is only one",
    "inkling2_text": "its blocks also read the states of earlier blocks, from their second argument",
    "hrm_text": "its blocks run several times in one pass, so a layer is not one place of the stream",
    "blt": "cross-attention layers between its blocks write to the stream too",
}
WRAPPERS = ("OptimizedModule", "DataParallel", "DistributedDataParallel")
# For each model: the path of its blocks and a weak reference to them. Paths and weak references only, so that
# the table never keeps a model alive, and a table outside the model, so that deepcopy does not copy it.
_found: "weakref.WeakKeyDictionary[nn.Module, tuple[str, weakref.ref[nn.ModuleList]]]" = (
    weakref.WeakKeyDictionary()
)


class UnaddressableStreamError(ValueError):
    """The residual stream of a model is not one `[batch, seq, d_model]` tensor, or no hook reaches it."""


def find_blocks(model: nn.Module) -> nn.ModuleList:
    """The transformer blocks of a model, from the first to the last.

    The search walks over all modules, so it is done once for a model and then looked up.

    Args:
        model: a decoder language model of transformers, with or without a head, also inside of a wrapper.

    Returns:
        The model's own list: `blocks[i]` reads the residual stream at layer i, `[batch, seq, d_model]`.

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
    try:
        layer = None if isinstance(layer_idx, bool) else operator.index(layer_idx)
    except TypeError:
        layer = None
    if layer is None:
        raise TypeError(f"a layer must be a whole number from 0 to {last}, got {_short(layer_idx)}")
    if not 0 <= layer <= last:
        raise ValueError(f"layer {layer} is out of range: the model has {n_layers} blocks, use 0 to {last}")
    return layer


def _short(value: Any) -> str:
    shape = getattr(value, "shape", ())
    return f"a {type(value).__name__} of shape {tuple(shape)}" if shape else repr(value)


def stream_width(model: nn.Module) -> int | None:
    """The width d_model of the residual stream, None where no config says it."""
    host = text_host(model)
    config = None if host is None else text_config(host)  # asked for once: transformers looks at many names
    said = [getattr(config, name, None) for name in WIDTH_FIELDS]
    return next((width for width in said if isinstance(width, int)), None)


def check_addressable(model: nn.Module) -> None:
    """Raises where it is known that an edit at the input of a block would go astray.

    This is what is known without running the model; `map_model(model, verify=True)` finds out by running it.

    Raises:
        UnaddressableStreamError: the message says why.
    """
    check_whole_blocks(model)
    host = text_host(model)
    reason = STREAMS_APART.get(getattr(text_config(host), "model_type", "")) if host is not None else None
    if reason is not None:
        raise UnaddressableStreamError(f"{type(model).__name__}: {reason}")


def check_whole_blocks(model: nn.Module) -> None:
    """Raises where no module is a block, so that none returns the stream after a layer.

    XLM has a list of attentions, whose inputs are the stream, and beside it lists of norms and of MLPs.
    """
    path, blocks = _located(model)
    parent = _at(model, path.rpartition(".")[0])
    assert parent is not None  # the blocks were just found below it
    norms = [
        name
        for name, child in parent._modules.items()
        if isinstance(child, nn.ModuleList) and child is not blocks and _all_norms(child)
    ]
    if norms:
        raise UnaddressableStreamError(
            f"{type(model).__name__}: its layers are spread over {path} and lists beside it, such as "
            f"{norms[0]}"
        )


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a norm, by the name of its class. DBRX has an attention with norms in its name."""
    name = type(module).__name__.lower()
    return "norm" in name and "attention" not in name


def _all_norms(modules: nn.ModuleList) -> bool:
    return len(modules) > 0 and not _could_be_blocks(modules) and all(is_norm(module) for module in modules)


def _located(model: nn.Module) -> tuple[str, nn.ModuleList]:
    """Path and blocks, searched for only if the answer found before is no longer true."""
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}; the model comes first")
    known = _found.get(model)
    if known is not None:
        path, found = known[0], known[1]()
        if found is not None and _at(model, path) is found:
            return path, found
    path = _search(model)
    blocks = model.get_submodule(path)
    assert isinstance(blocks, nn.ModuleList)
    _found[model] = path, weakref.ref(blocks)
    return path, blocks


def _at(model: nn.Module, path: str) -> nn.Module | None:
    """The module at a path, None if it is not there. `get_submodule` takes ten times as long."""
    module: nn.Module | None = model
    for name in path.split(".") if path else ():
        if module is None:
            return None
        module = module._modules.get(name)
    return module


def _search(model: nn.Module) -> str:
    """The path of the module list that is the decoder's blocks: see the comments for the rules."""
    host = text_host(model)
    depths = (
        {getattr(text_config(host), field, None) for field in DEPTH_FIELDS} if host is not None else set()
    )
    decoder = own_part(host.get_decoder) if hasattr(host, "get_decoder") else None
    in_decoder = {id(module) for module in decoder.modules()} if decoder is not None else set()

    lists = [name for name, module in model.named_modules() if _could_be_blocks(module)]

    def rank(path: str) -> tuple[int, ...]:
        blocks = model.get_submodule(path)
        return (
            id(blocks) in in_decoder,
            "decoder" in path,  # BLT: the decoder stack speaks last, after a larger one over patches
            not any(part.isdigit() for part in path.split(".")),  # a list inside a block is not the blocks
            len(list(blocks.children())) in depths,
            -path.count("."),
            _holds_attention(blocks),  # XLM: of its lists beside each other, the one that gets the stream
            sum(parameter.numel() for parameter in blocks.parameters()),
            lists.index(path),  # HRM: of two stacks alike, the one that comes last
        )

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


def _holds_attention(blocks: nn.Module) -> bool:
    return any("attention" in type(module).__name__.lower() for module in blocks.modules())


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
