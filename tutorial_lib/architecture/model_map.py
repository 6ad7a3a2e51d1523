"""A map of a model: its blocks, embedding, final norm and unembedding, and how a block writes to the stream.

`blocks.py` finds the blocks; the rest follows from them, by a few rules and no table of models.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from torch import nn

from tutorial_lib.architecture.blocks import is_norm
from tutorial_lib.architecture.hf import own_part
from tutorial_lib.architecture.stream import Stream, stream_of
from tutorial_lib.architecture.verification import Verification
from tutorial_lib.arguments import check_layer

Kind: TypeAlias = Literal[
    "pre-norm", "post-norm", "sandwich", "parallel", "single-mixer", "several-streams", "mixed"
]

ATTENTION_NAMES = ("attn", "attention")
MLP_NAMES = ("mlp", "ffn", "feed_forward", "moe", "fc2")
MULTIPLIER_NAMES = ("residual_multiplier", "residual_scale")
# Modules that mix several streams into one: hyper-connections, Gemma 3n's AltUp, Inkling 2's attention.
MIXED_STREAMS = ("hyper_connection", "_hc", "altup", "mlp_input")
# Final norms that are named like norms of the embedding, by model_type.
ODD_FINAL_NORMS = {
    "bigbird_pegasus": "layernorm_embedding",
    "lfm2": "embedding_norm",
    "lfm2_moe": "embedding_norm",
    "lfm3": "embedding_norm",
}


@dataclass(frozen=True, eq=False, repr=False)
class ModelMap:
    """Where the parts of a transformer are.

    Attributes:
        model_class: the class of the model.
        blocks: the transformer blocks; the input of `blocks[i]` is the residual stream at layer i.
        embedding: the token embedding `[vocab, d_model]`.
        final_norm: the norm after the last block, None where there is none.
        unembedding: the map from the final norm to logits, None in a model without a language-model head.
        kind: how a block writes to the stream.

            - `"pre-norm"`: attention and MLP read a normalised copy and add to the stream as it is.
            - `"sandwich"`: what they add is normalised too, before it is added (Gemma 2 and 3).
            - `"parallel"`: both read the same stream, so there is none between them (GPT-NeoX, Falcon, Phi).
            - `"post-norm"`: the stream itself is normalised, so nothing reaches the end unchanged (OPT-350m).
            - `"single-mixer"`: one module reads a normalised copy and adds to the stream (Mamba).
            - `"several-streams"`: a block reads and writes mixtures of several streams (Gemma 3n,
              DeepSeek-V4).
            - `"mixed"`: blocks of several of these kinds.
        multiplier: what attention and MLP return is multiplied by this before it is added (Granite).
        adds_stream: which of "attention" and "mlp" add the stream themselves, so that they return the stream
            after them (Bloom).
        verification: what running the model showed, with `map_model(model, verify=True)`.
        d_model: the width of the residual stream.
        blocks_path: the name of the blocks in the model.
        embedding_path: the name of the token embedding.
        final_norm_path: the name of the final norm, None where there is none.
        unembedding_path: the name of the unembedding, None where there is none.
    """

    model_class: str
    blocks: nn.ModuleList
    embedding: nn.Module
    final_norm: nn.Module | None
    unembedding: nn.Module | None
    kind: Kind
    d_model: int
    blocks_path: str
    embedding_path: str
    final_norm_path: str | None
    unembedding_path: str | None
    multiplier: float = 1.0
    adds_stream: tuple[str, ...] = ()
    verification: Verification | None = None

    @property
    def n_layers(self) -> int:
        """The number of blocks."""
        return len(self.blocks)

    def attention(self, layer_idx: int) -> nn.Module:
        """The self-attention of a block. In Bloom it adds the residual itself: its output is the stream."""
        return _child(self.blocks[check_layer(layer_idx, self.n_layers)], ATTENTION_NAMES, layer_idx)

    def mlp(self, layer_idx: int) -> nn.Module:
        """The MLP of a block, or its last layer `fc2` where a block has no module for the MLP (OPT)."""
        return _child(self.blocks[check_layer(layer_idx, self.n_layers)], MLP_NAMES, layer_idx)

    def __repr__(self) -> str:
        rows = [
            ("embedding", self.embedding_path, type(self.embedding).__name__),
            ("blocks", self.blocks_path, f"{self.n_layers} x {type(self.blocks[0]).__name__}"),
        ]
        for name, parts in (("attention(i)", ATTENTION_NAMES), ("mlp(i)", MLP_NAMES)):
            for child, module in named_parts(self.blocks[0], parts):
                rows.append((name, f"{self.blocks_path}[i].{child}", type(module).__name__))
                break
        for name, path, part in (
            ("final_norm", self.final_norm_path, self.final_norm),
            ("unembedding", self.unembedding_path, self.unembedding),
        ):
            rows.append((name, path or "none", type(part).__name__ if part is not None else ""))
        width = max(len(path) for _, path, _ in rows)
        lines = [f"  {name:<13} {path:<{width}}  {kind}".rstrip() for name, path, kind in rows]
        head = f"{self.model_class}: {self.n_layers} layers, d_model {self.d_model}, {self.kind}"
        if self.multiplier != 1:
            head += f", writes times {self.multiplier:.3g}"
        if self.adds_stream:
            head += f", {' and '.join(self.adds_stream)} add the stream themselves"
        return "\n".join([head, *lines])


def parts_of(model: nn.Module) -> ModelMap:
    """What `map_model` finds, without running the model."""
    stream = stream_of(model)
    path, blocks, host, config = stream.path, stream.blocks, stream.host, stream.config
    if host is None:
        raise ValueError(
            f"{type(model).__name__} is not a transformers model and holds none: "
            "looked for a module with a config and get_input_embeddings()"
        )
    embedding = own_part(host.get_input_embeddings)
    if embedding is None:
        raise ValueError(
            f"{type(model).__name__} has no token embedding: its get_input_embeddings() gives none"
        )
    unembedding = own_part(host.get_output_embeddings)
    width = _width(stream, embedding, unembedding)
    container = path.rpartition(".")[0]
    final_norm = _final_norm(model.get_submodule(container), config, width)
    if final_norm is None and container:  # RoBERTa with norms first has it around its encoder
        final_norm = _final_norm(model.get_submodule(container.rpartition(".")[0]), config, width)
    names = {id(module): name for name, module in model.named_modules()}
    return ModelMap(
        model_class=type(model).__name__,
        blocks=blocks,
        embedding=embedding,
        final_norm=final_norm,
        unembedding=unembedding,
        kind=_kind(config, blocks, final_norm),
        d_model=width,
        blocks_path=path,
        embedding_path=names[id(embedding)],
        final_norm_path=names[id(final_norm)] if final_norm is not None else None,
        unembedding_path=names[id(unembedding)] if unembedding is not None else None,
        multiplier=_multiplier(blocks[0]),
        adds_stream=_adds_stream(blocks[0]),
    )


def _width(stream: Stream, embedding: nn.Module, unembedding: nn.Module | None) -> int:
    """d_model as the config says it, else the width that the unembedding reads or the embedding writes."""
    if stream.width is not None:
        return stream.width
    return next((unembedding or embedding).parameters()).shape[-1]


def _final_norm(container: nn.Module, config: Any, width: int) -> nn.Module | None:
    """The norm as wide as the stream that stands beside the blocks and is not the embedding's."""
    odd = ODD_FINAL_NORMS.get(getattr(config, "model_type", ""))
    norms = [
        child
        for name, child in container.named_children()
        if is_norm(child) and ("emb" not in name or name == odd) and _as_wide(child, width)
    ]
    return norms[-1] if norms else None


def _as_wide(norm: nn.Module, width: int) -> bool:
    # Gemma 4 has a narrow norm for its per-layer inputs beside; Reformer's norm spans its two streams.
    return all(parameter.shape[-1] % width == 0 for parameter in norm.parameters(recurse=False))


def _multiplier(block: nn.Module) -> float:
    said = [getattr(block, name, None) for name in MULTIPLIER_NAMES]
    return next((float(value) for value in said if isinstance(value, (int, float))), 1.0)


def _adds_stream(block: nn.Module) -> tuple[str, ...]:
    """Which of attention and MLP get the stream as `residual`, to add it to what they return."""
    parts = {
        name: next(named_parts(block, names), None)
        for name, names in (("attention", ATTENTION_NAMES), ("mlp", MLP_NAMES))
    }
    return tuple(
        name
        for name, part in parts.items()
        if part is not None and "residual" in inspect.signature(type(part[1]).forward).parameters
    )


def named_parts(block: nn.Module, names: tuple[str, ...]) -> Iterator[tuple[str, nn.Module]]:
    """The children of a block that have weights, are no norms and are named like one of `names`."""
    for child, module in block.named_children():
        weighty = next(module.parameters(), None) is not None  # GPT-NeoX has a `post_attention_dropout`
        if any(name in child for name in names) and weighty and not is_norm(module):
            yield child, module


def _child(block: nn.Module, names: tuple[str, ...], layer: int) -> nn.Module:
    for _, module in named_parts(block, names):
        return module
    found = [child for child, _ in block.named_children()]
    raise ValueError(f"block {layer} ({type(block).__name__}) has no part named like {names}; it has {found}")


def _kind(config: Any, blocks: nn.ModuleList, final_norm: nn.Module | None) -> Kind:
    # The first block may differ from all others: ModernBERT's has no norm before its attention.
    kinds = {_kind_of(config, block, final_norm) for block in list(blocks)[1:] or blocks}
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _kind_of(config: Any, block: nn.Module, final_norm: nn.Module | None) -> Kind:
    def says(flag: str) -> bool:
        return bool(getattr(config, flag, False))

    children = dict(block.named_children())
    norms = [name for name, child in children.items() if is_norm(child)]
    both = all(next(named_parts(block, names), None) for names in (ATTENTION_NAMES, MLP_NAMES))
    reversible = getattr(config, "model_type", "") == "reformer"
    if reversible or any(mark in name for name in children for mark in MIXED_STREAMS):
        return "several-streams"
    if says("use_parallel_residual") or says("parallel_attn") or says("new_decoder_architecture"):
        return "parallel"
    # One norm for attention and MLP: they read the same thing (Phi, GPT-J, Cohere).
    if both and len(norms) == 1:
        return "parallel"
    # Without a final norm the blocks must leave the stream normalised. OPT says outright which it is.
    norm_first = getattr(config, "do_layer_norm_before", final_norm is not None)
    # MiniMax goes on with the normalised copy, in place of the stream.
    norm_first = norm_first and not hasattr(config, "mlp_alpha_factor")
    if not norm_first or says("apply_residual_connection_post_layernorm"):
        return "post-norm"
    if not any(next(named_parts(block, names), None) for names in (ATTENTION_NAMES, MLP_NAMES)):
        return "single-mixer"
    # Four norms: before and after both. Only "post..." norms: after both (OLMo 2), writing alike.
    if len(norms) >= 4 or (norms and all(name.startswith("post") for name in norms)):
        return "sandwich"
    return "pre-norm"
