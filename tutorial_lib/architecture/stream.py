"""Where the residual stream of a model is: found once for each model, and handed on.

Every function that reads, edits or patches asks `stream_of(model)`; what touches single positions also calls
`check_addressable()` before any hook is on.
"""

import weakref
from dataclasses import dataclass
from typing import Any

from torch import nn

from tutorial_lib.architecture.blocks import all_norms, search
from tutorial_lib.architecture.hf import text_config, text_host, width_of
from tutorial_lib.arguments import check_layer, check_layers

# Models whose blocks are found, but whose stream is not one [batch, seq, d_model] tensor that goes from block
# to block, by model_type. No rule can see it in the modules; verify/ measures it. Streams of another shape,
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


class UnaddressableStreamError(ValueError):
    """The residual stream of a model is not one `[batch, seq, d_model]` tensor, or no hook reaches it."""


@dataclass(frozen=True, eq=False)
class Stream:
    """Where the residual stream of a model is, as far as that is known without running the model.

    `map_model(model, verify=True)` finds out by running it.

    Attributes:
        model: the model that was asked.
        host: the model of transformers, inside whatever wraps it; None if there is none.
        config: the config of its text decoder; None without a host.
        blocks: the transformer blocks; the input of `blocks[i]` is the stream at layer i.
        path: the name of the blocks in the model, such as "model.layers".
        width: d_model, None where no config says it.
        not_whole: why no module is a block, so that none returns the stream after a layer; empty if one is.
        not_addressable: why an edit at a block would change the wrong values; empty if it is safe.
    """

    model: nn.Module
    host: Any
    config: Any
    blocks: nn.ModuleList
    path: str
    width: int | None
    not_whole: str
    not_addressable: str

    @property
    def n_layers(self) -> int:
        """The number of blocks."""
        return len(self.blocks)

    def layer(self, layer_idx: Any, *, after_last_block: bool = False) -> int:
        """The layer as an int, see `check_layer`."""
        return check_layer(layer_idx, self.n_layers, after_last_block=after_last_block)

    def layers(self, layers: Any, *, after_last_block: bool = False) -> list[int]:
        """The layers as ints, see `check_layers`; those of all blocks if None."""
        if layers is None:
            return list(range(self.n_layers))
        return check_layers(layers, self.n_layers, after_last_block=after_last_block)

    def check_whole(self) -> None:
        """Raises UnaddressableStreamError where no module returns the stream after the last layer."""
        if self.not_whole:
            raise UnaddressableStreamError(self.not_whole)

    def check_addressable(self) -> None:
        """Raises UnaddressableStreamError where it is known that an edit would change the wrong values."""
        if self.not_addressable:
            raise UnaddressableStreamError(self.not_addressable)


@dataclass(frozen=True, eq=False)
class _Found:
    """What is kept of a `Stream`: weak references, so that the table never keeps a model alive."""

    host: "weakref.ref[nn.Module] | None"
    own_config: Any  # of the host, to see that it is still the same
    config: Any
    blocks: "weakref.ref[nn.ModuleList]"
    path: str
    width: int | None
    not_whole: str
    not_addressable: str


# A table outside the models, so that deepcopy does not copy it.
_found: "weakref.WeakKeyDictionary[nn.Module, _Found]" = weakref.WeakKeyDictionary()


def stream_of(model: nn.Module) -> Stream:
    """The `Stream` of a model, searched for only if the answer found before is no longer true.

    Raises:
        TypeError: not a module.
        ValueError: the model has no blocks of a decoder; the message says what was looked for.
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be an nn.Module, got {type(model).__name__}; the model comes first")
    known = _found.get(model)
    if known is not None:
        blocks, host = known.blocks(), None if known.host is None else known.host()
        still = getattr(host, "config", None) is known.own_config
        if blocks is not None and still and _at(model, known.path) is blocks:
            facts = known.config, blocks, known.path, known.width, known.not_whole, known.not_addressable
            return Stream(model, host, *facts)
    return _find(model)


def _find(model: nn.Module) -> Stream:
    path = search(model)
    blocks = model.get_submodule(path)
    assert isinstance(blocks, nn.ModuleList)
    host = text_host(model)
    config = None if host is None else text_config(host)
    name, reason = type(model).__name__, STREAMS_APART.get(getattr(config, "model_type", ""))
    not_whole = _not_whole(model, path, blocks)
    facts = (
        config,
        blocks,
        path,
        width_of(config),
        not_whole,
        not_whole or (f"{name}: {reason}" if reason else ""),
    )
    own, there = getattr(host, "config", None), None if host is None else weakref.ref(host)
    _found[model] = _Found(there, own, config, weakref.ref(blocks), *facts[2:])
    return Stream(model, host, *facts)


def _not_whole(model: nn.Module, path: str, blocks: nn.ModuleList) -> str:
    """XLM has a list of attentions, whose inputs are the stream, and beside it lists of norms and of MLPs."""
    parent = _at(model, path.rpartition(".")[0])
    assert parent is not None  # the blocks were just found below it
    norms = [
        name
        for name, child in parent._modules.items()
        if isinstance(child, nn.ModuleList) and child is not blocks and all_norms(child)
    ]
    if not norms:
        return ""
    return (
        f"{type(model).__name__}: its layers are spread over {path} and lists beside it, such as {norms[0]}"
    )


def _at(model: nn.Module, path: str) -> nn.Module | None:
    """The module at a path, None if it is not there. `get_submodule` takes ten times as long."""
    module: nn.Module | None = model
    for name in path.split(".") if path else ():
        if module is None:
            return None
        module = module._modules.get(name)
    return module
