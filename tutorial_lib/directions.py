"""Directions of the residual stream: find one, keep it out of the stream, take it out of the weights.

`ablate_direction_from_residual` cleans what blocks receive. Here a direction is kept out of all that is
written to the stream, by hooks or by a change of the weights that write; both give the same logits.
"""

import copy
from collections.abc import Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_output, replace_output
from tutorial_lib.architecture.hf import text_config, text_host
from tutorial_lib.architecture.model_map import ModelMap, parts_of
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.arguments import Positions, checked_vector
from tutorial_lib.hooks import HookPair
from tutorial_lib.interventions import ablate_direction_from_residual, unit_vector, without_direction
from tutorial_lib.residual import cache_residual_streams
from tutorial_lib.tokens.edit import edit_at, locate
from tutorial_lib.tokens.selection import TokenSelection

Model = TypeVar("Model", bound=nn.Module)

# In a sandwich block these norms stand between attention or MLP and the stream, if it has both of them.
WRITING_NORMS = ("post_attention_layernorm", "post_feedforward_layernorm")
# The last layer of an attention or an MLP, whose output is added to the stream.
WRITERS = ("o_proj", "out_proj", "c_proj", "dense", "down_proj", "dense_4h_to_h", "fc2")


def difference_of_means(a: Tensor, b: Tensor) -> Tensor:
    """The direction that leads from the mean of `b` to the mean of `a`, as long as they are apart.

    Refusal was found so by Arditi et al., 2024 (https://arxiv.org/abs/2406.11717), sentiment, truth and many
    others before it. It is fast, needs no training and knows nothing of the spread within a class.

    Args:
        a: activations `[..., d_model]` of one kind; all dimensions but the last are averaged.
        b: activations `[..., d_model]` of the other kind; there may be another number of them.

    Returns:
        `[d_model]`, in float32 or better, not normalised.

    Raises:
        TypeError: not tensors of floating point numbers.
        ValueError: nothing to average, widths that differ, values that are not finite, or equal means.
    """
    for name, group in (("a", a), ("b", b)):
        if not isinstance(group, Tensor) or not group.is_floating_point():
            kind = group.dtype if isinstance(group, Tensor) else type(group).__name__
            raise TypeError(f"{name} must be a tensor of floating point numbers, got {kind}")
        if group.ndim < 2 or group.numel() == 0:
            raise ValueError(
                f"{name} must have the shape [n, d_model] with n above 0, got {tuple(group.shape)}"
            )
    if a.shape[-1] != b.shape[-1]:
        raise ValueError(f"a and b must be equally wide, got d_model {a.shape[-1]} and {b.shape[-1]}")
    means = [x.to(torch.promote_types(x.dtype, torch.float32)).flatten(0, -2).mean(0) for x in (a, b)]
    return checked_vector(means[0] - means[1].to(means[0].device), "the difference of the means", None)


def ablate_direction_everywhere(
    model: nn.Module, direction: Tensor, *, positions: Positions | TokenSelection | None = None
) -> tuple[list[HookPair], list[HookPair]]:
    """Directional ablation at every write: hooks that keep a direction out of the whole residual stream.

        with add_hooks(*ablate_direction_everywhere(model, direction)):
            model.generate(**batch)

    Cleaned are the input of every block, what attention and MLP add to the stream, and what the last block
    gives out: the method of Arditi et al., 2024 (https://arxiv.org/abs/2406.11717). With hooks at the block
    inputs alone (`ablate_direction_from_residual`) the MLP can read what attention has just written.

    Args:
        model: a decoder language model of transformers whose blocks are pre-norm, parallel or, with norms
            named as in Gemma 2 and 3 and OLMo 2, sandwich.
        direction: `[d_model]`, of any length but zero.
        positions: as in `add_vector_to_residual_stream`; every token if None.

    Returns:
        Pre-hook pairs and forward hook pairs, the two arguments of `add_hooks`.

    Raises:
        ValueError: a direction of another shape, of norm zero or not finite; a model whose writes to the
            stream cannot be told, such as a post-norm one.
        UnaddressableStreamError: the stream of the model is no single `[batch, seq, d_model]`.
        TypeError: an argument of a wrong type.
    """
    stream = stream_of(model)
    stream.check_addressable()
    unit = unit_vector(direction, stream.width)
    parts = parts_of(model)

    trackers, find = ([], None) if positions is None else locate(stream, positions)

    def clean_output(module: nn.Module, args: Any, *rest: Any) -> Any:
        output = rest[-1]  # the only one, or after the keyword arguments
        written = read_output(output)
        if find is None:
            return replace_output(output, without_direction(written, unit))
        mask = find(written)
        if mask is None:
            return None
        return replace_output(output, edit_at(written, mask, lambda tokens: without_direction(tokens, unit)))

    writers = [*writing_modules(parts), parts.blocks[-1]]
    inputs = ablate_direction_from_residual(model, direction, positions=positions)
    return trackers + inputs, [(module, clean_output) for module in writers]


def orthogonalize_weights(model: Model, direction: Tensor, *, untie: bool = True) -> Model:
    """A copy of the model that cannot write a direction to its residual stream.

    Every matrix and bias that writes to the stream (embeddings, the last layers of attention and MLP) loses
    its part along the direction. The copy without hooks gives the logits that the model gives under
    `ablate_direction_everywhere`, and is saved and loaded as any model: Arditi et al., 2024, section 4.1
    (https://arxiv.org/abs/2406.11717). The copy is run once, on a few tokens, to see that it is so.

    Args:
        model: a decoder language model of transformers, pre-norm or parallel. It is not changed.
        direction: `[d_model]`, of any length but zero.
        untie: where embedding and unembedding are one matrix, give the copy an unembedding of its own, which
            stays as it was. With False the unembedding loses the direction as well, and the logits change.

    Returns:
        The copy, with the model's hooks on it if there are any: take them off the model before.

    Raises:
        ValueError: a direction of another shape, of norm zero or not finite; a model that writes to its
            stream by other means than these matrices.
        TypeError: an argument of a wrong type.
    """
    unit = unit_vector(direction, stream_of(model).width)
    edited = copy.deepcopy(model)
    parts = parts_of(edited)
    if parts.kind == "sandwich":
        raise ValueError(
            f"the writes of {parts.model_class} pass a norm, so no matrix can be made to omit them"
        )
    head, shared = parts.unembedding, parts.embedding.get_parameter("weight")
    if untie and head is not None and head.get_parameter("weight") is shared:
        head.register_parameter("weight", nn.Parameter(shared.detach().clone(), shared.requires_grad))
        host = text_host(edited)
        for config in (host.config, text_config(host)):
            config.tie_word_embeddings = False
    with torch.no_grad():
        for weight, stream_dim in _writing_weights(edited, parts):
            vectors = weight.transpose(stream_dim, -1)
            weight.copy_(without_direction(vectors, unit).transpose(stream_dim, -1))
    _check_clean(edited, unit)
    return edited


def writing_modules(parts: ModelMap) -> Iterator[nn.Module]:
    """The modules whose output is added to the stream. Bloom's add the stream to it themselves, which is
    clean by then."""
    for layer, block in enumerate(parts.blocks):
        norms = [getattr(block, name, None) for name in WRITING_NORMS]
        if parts.kind in ("post-norm", "mixed", "several-streams") or (
            parts.kind == "sandwich" and None in norms
        ):
            raise ValueError(
                f"{parts.model_class} is {parts.kind}: what its blocks add to the stream passes a norm that "
                "this function does not know; it handles pre-norm and parallel blocks, and sandwich blocks "
                f"with {' and '.join(WRITING_NORMS)}"
            )
        if parts.kind == "sandwich":
            yield from (norm for norm in norms if norm is not None)
        else:
            yield from (parts.attention(layer), parts.mlp(layer))


def _writing_weights(model: nn.Module, parts: ModelMap) -> Iterator[tuple[Tensor, int]]:
    """Each matrix or bias that writes to the stream, and its dimension that is the stream's."""
    inside = {id(module) for module in parts.blocks.modules()}
    for module in model.modules():
        embeds = isinstance(module, nn.Embedding) and id(module) not in inside
        if embeds and module.embedding_dim == parts.d_model:  # of tokens, and of positions in GPT-2 and OPT
            yield module.get_parameter("weight"), -1
    for writer in writing_modules(parts):
        named = [(name, child) for name, child in writer.named_children() if name in WRITERS]
        last: Any = named[-1][1] if named else writer  # OPT's fc2 stands in the block itself
        weight = getattr(last, "weight", None)
        if not isinstance(weight, Tensor) or not weight.is_floating_point():
            raise ValueError(
                f"{type(writer).__name__} of {parts.model_class} has no last matrix that is known here: "
                f"looked for {', '.join(WRITERS)} among {[name for name, _ in writer.named_children()]}"
            )
        # A Linear keeps [out, in], GPT-2's Conv1D [in, out].
        yield weight, -1 if type(last).__name__ == "Conv1D" else 0
        if last.bias is not None:
            yield last.bias, -1


def _check_clean(model: nn.Module, unit: Tensor) -> None:
    """Raises if the direction still comes into the stream, such as by a norm after the embedding (Bloom)."""
    device = next(model.parameters()).device
    streams, _ = cache_residual_streams(model, torch.arange(8, device=device)[None], after_last_block=True)
    for layer, stream in streams.items():
        precise = stream.float()
        left = ((precise @ unit.to(precise)).abs() / precise.norm(dim=-1)).max().item()
        if left > (1e-3 if stream.dtype in (torch.float32, torch.float64) else 3e-2):
            raise ValueError(
                f"{type(model).__name__} writes to its stream by other means than embeddings and the last "
                f"matrices of attention and MLP: {left:.2g} of the stream at {layer} is still the direction"
            )
