"""Read the residual stream: what a transformer block receives.

The stream at layer i is the input of block i; the stream at layer n_layers is the output of the last
block, before the final norm. (`output_hidden_states` shows that last one after the norm.)
"""

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from tutorial_lib.architecture.stream import Stream, stream_of
from tutorial_lib.arguments import Positions, check_positions, index_in
from tutorial_lib.capture import Capture
from tutorial_lib.compiled import uncompiled

Edits: TypeAlias = Literal["after", "before"]


def get_residual_stream_at_layer(
    model: nn.Module,
    layer_idx: int,
    input_ids: Tensor | None,
    *,
    attention_mask: Tensor | None = None,
    positions: Positions | None = None,
    detach: bool = True,
    stop_early: bool = True,
    edits: Edits = "after",
    **model_kwargs: Any,
) -> Tensor:
    """The residual stream at one layer.

        get_residual_stream_at_layer(model, 2, **tokenizer("Hello there", return_tensors="pt"))

    Args:
        model: a decoder language model of transformers.
        layer_idx: 0 to n_layers. Layer i is the input of block i; n_layers is the output of the last block.
        input_ids: token ids `[batch, seq]`; None if `inputs_embeds` is among the `model_kwargs`.
        attention_mask: `[batch, seq]`, as the tokenizer gives it.
        positions: keep only these positions: an int, ints, a slice or a 1-D tensor. All, if None.
        detach: run without gradients. With False the result belongs to the autograd graph.
        stop_early: stop the forward pass as soon as the layer is reached. A pass that is also asked for
            hidden states or attentions runs to its end.
        edits: take the stream "after" the hooks that are on the same block when this is called, as the block
            receives it, or "before" them, as the block before it gave it out. Edits at earlier blocks are in
            it either way. (Layer n_layers: after or before the forward hooks of the last block.)
        **model_kwargs: passed on to the model.

    Returns:
        A copy of the stream `[batch, seq, d_model]`; with `positions`, `[batch, n_positions, d_model]`.

    Raises:
        ValueError: a layer or position that does not exist, input ids of a wrong shape, unknown `edits`.
        UnaddressableStreamError: the model has no such positions in its stream, or no last block.
        TypeError: a layer, position or input of a wrong type.
        RuntimeError: the forward pass does not reach the layer, or does so without gradients though they
            were asked for (reentrant gradient checkpointing).
    """
    stream = stream_of(model)
    layer = stream.layer(layer_idx, after_last_block=True)
    # transformers 4 does not undo what it does for these outputs when a pass is cut short.
    stop = stop_early and not _records(stream, model_kwargs)
    captured, _ = _run(
        stream, [layer], stop, positions, input_ids, attention_mask, detach, edits, model_kwargs
    )
    return captured[layer]


def cache_residual_streams(
    model: nn.Module,
    input_ids: Tensor | None,
    layers: Iterable[int] | None = None,
    *,
    after_last_block: bool = False,
    attention_mask: Tensor | None = None,
    positions: Positions | None = None,
    detach: bool = True,
    edits: Edits = "after",
    **model_kwargs: Any,
) -> tuple[dict[str, Tensor], Any]:
    """The residual stream at several layers, from one forward pass.

        cache, output = cache_residual_streams(model, input_ids)
        cache["layer_2"]

    Args:
        model: a decoder language model of transformers.
        input_ids: token ids `[batch, seq]`; None if `inputs_embeds` is among the `model_kwargs`.
        layers: which layers, 0 to n_layers; the inputs of all blocks, 0 to n_layers - 1, if None.
        after_last_block: also keep layer n_layers, the output of the last block before the final norm.
        attention_mask: `[batch, seq]`, as the tokenizer gives it.
        positions: keep only these positions: an int, ints, a slice or a 1-D tensor. All, if None.
        detach: run without gradients. With False the streams belong to the autograd graph.
        edits: take each stream "after" the hooks that are on the same block when this is called, as the block
            receives it, or "before" them, as the block before it gave it out. Edits at earlier blocks are in
            it either way. (Layer n_layers: after or before the forward hooks of the last block.)
        **model_kwargs: passed on to the model.

    Returns:
        The streams `[batch, seq, d_model]` under "layer_0", "layer_1" and so on, in the order of the layers,
        and the output of the model. Each stream is a copy that keeps no larger tensor in memory.

    Raises:
        ValueError: a layer or position that does not exist, input ids of a wrong shape, unknown `edits`.
        UnaddressableStreamError: the model has no such positions in its stream, or no last block.
        TypeError: a layer, position or input of a wrong type.
        RuntimeError: the forward pass does not reach the layer, or does so without gradients though they
            were asked for (reentrant gradient checkpointing).
    """
    stream = stream_of(model)
    wanted = stream.layers(layers, after_last_block=True)
    if after_last_block and stream.n_layers not in wanted:
        wanted.append(stream.n_layers)
    captured, output = _run(
        stream, wanted, False, positions, input_ids, attention_mask, detach, edits, model_kwargs
    )
    return {f"layer_{layer}": captured[layer] for layer in sorted(wanted)}, output


def _run(
    stream: Stream,
    layers: list[int],
    stop: bool,
    positions: Positions | None,
    input_ids: Tensor | None,
    attention_mask: Tensor | None,
    detach: bool,
    edits: Edits,
    model_kwargs: dict[str, Any],
) -> tuple[dict[int, Tensor], Any]:
    """Copies of the stream at some layers, and what the model returned; None where the pass was stopped."""
    if positions is not None:
        stream.check_addressable()
    if stream.n_layers in layers:
        stream.check_whole()
    where = None if positions is None else check_positions(positions)
    _check_input_ids(input_ids, model_kwargs)
    if edits not in ("after", "before"):
        raise ValueError(f'edits must be "after" or "before", got {edits!r}')
    if attention_mask is not None:
        model_kwargs["attention_mask"] = attention_mask
    with_gradients = not detach and torch.is_grad_enabled()
    captured: dict[int, Tensor] = {}
    output = None

    def keep(layer: int, found: Tensor) -> None:
        if with_gradients and not torch.is_grad_enabled():
            raise RuntimeError(
                f"layer {layer} is run without gradients, so that detach=False has none to give: reentrant "
                "gradient checkpointing does this; use model.gradient_checkpointing_enable("
                'gradient_checkpointing_kwargs={"use_reentrant": False}) or switch it off'
            )
        if where is not None:
            found = found[:, index_in(found, where)]
        # clone: the model may go on to edit this tensor, and a view would keep all of it in memory.
        captured[layer] = found.clone()

    capture = Capture(layers, keep, stop=stop)
    with (
        torch.no_grad() if detach else nullcontext(),
        uncompiled(stream),
        capture.on(stream.blocks, prepend=edits == "before"),
    ):
        with capture.running():
            output = stream.model(input_ids=input_ids, **model_kwargs)
        if len(captured) < len(layers):
            raise RuntimeError(
                f"only {len(captured)} of {len(layers)} layers were reached: the forward pass of "
                f"{type(stream.model).__name__} does not call all of its blocks, or calls them where hooks "
                "do not run (by module.forward, in torch.jit, in a part compiled with torch.compile)"
            )
    return captured, output


def _records(stream: Stream, model_kwargs: Mapping[str, Any]) -> bool:
    """Whether a call asks transformers for hidden states, attentions or router logits as well."""
    config = getattr(stream.host, "config", None)
    names = ("output_hidden_states", "output_attentions", "output_router_logits")
    return any(model_kwargs.get(name) or getattr(config, name, False) for name in names)


def _check_input_ids(input_ids: Any, model_kwargs: dict[str, Any]) -> None:
    if input_ids is None and "inputs_embeds" in model_kwargs:
        return
    if isinstance(input_ids, Mapping):
        raise TypeError(
            f"input_ids must be a tensor [batch, seq], got a {type(input_ids).__name__}; "
            "unpack what the tokenizer returned: f(model, ..., **batch)"
        )
    if not isinstance(input_ids, Tensor):
        raise TypeError(
            f"input_ids must be a tensor [batch, seq], got {type(input_ids).__name__}; "
            'tokenizer(text, return_tensors="pt").input_ids is one'
        )
    if input_ids.is_floating_point() or input_ids.dtype == torch.bool:
        raise TypeError(f"input_ids must be whole numbers, got {input_ids.dtype}")
    if input_ids.ndim != 2:
        hint = "; input_ids[None] adds the batch dimension" if input_ids.ndim == 1 else ""
        raise ValueError(f"input_ids must have the shape [batch, seq], got {tuple(input_ids.shape)}{hint}")
