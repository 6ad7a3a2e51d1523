"""The rules that find the transformer blocks of a model.

There is no table of models here. A few rules, read from the modules and the config, hold for the decoder
families of transformers. `stream.py` asks them once for each model.
"""

from typing import Any

from torch import nn

from tutorial_lib.architecture.hf import own_part, text_config, text_host

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
    "depth_decoder",
)


def is_norm(module: nn.Module) -> bool:
    """Whether a module is a norm, by the name of its class. DBRX has an attention with norms in its name."""
    name = type(module).__name__.lower()
    return "norm" in name and "attention" not in name


def all_norms(modules: nn.ModuleList) -> bool:
    return len(modules) > 0 and not _could_be_blocks(modules) and all(is_norm(module) for module in modules)


def search(model: nn.Module) -> str:
    """The path of the module list that is the decoder's blocks: see the comments for the rules.

    Raises:
        ValueError: the model has no blocks of a decoder; the message says what was looked for.
    """
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


def _generates(host: Any) -> bool:
    can_generate = getattr(host, "can_generate", lambda: False)
    return host is not None and (can_generate() or getattr(host.config, "is_decoder", False))
