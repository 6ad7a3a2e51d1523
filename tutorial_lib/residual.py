"""Read the residual stream: what a transformer block receives.

The stream at layer i is the input of block i; the stream at layer n_layers is the output of the last
block, before the final norm. (`output_hidden_states` shows that last one after the norm.)
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from contextvars import ContextVar
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from tutorial_lib.activations import Positions, check_positions, index_in
from tutorial_lib.architecture.blocks import (
    check_addressable,
    check_layer,
    check_whole_blocks,
    find_blocks,
    text_host,
)
from tutorial_lib.compiled import uncompiled
from tutorial_lib.hooks import HookPair, add_hooks
from tutorial_lib.stream_hooks import StopForward, stream_hooks

Edits: TypeAlias = Literal["after", "before"]

# What the capture that runs in this thread collects. Its hooks are on modules that other threads may call,
# and other captures inside of this one: those calls are not this capture's to keep or to stop.
_collecting: ContextVar[dict[int, Tensor] | None] = ContextVar("collecting", default=None)


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
        RuntimeError: the forward pass does not come by the layer, or does so without gradients though they
            were asked for (reentrant gradient checkpointing).
    """
    blocks = find_blocks(model)
    layer = check_layer(layer_idx, len(blocks), after_last_block=True)
    _check_readable(model, positions, layer == len(blocks))
    captured: dict[int, Tensor] = {}
    owner = object()

    # transformers 4 does not undo what it does for these outputs when a pass is cut short.
    stops = stop_early and not _records(model, model_kwargs)

    def stop() -> None:
        if stops:
            raise StopForward(owner)

    hooks = _capture_hooks(blocks, [layer], captured, positions, detach, stop)
    try:
        _run(model, hooks, captured, input_ids, attention_mask, detach, edits, model_kwargs)
    except StopForward as stopped:
        # Another one, of a call around this one, is not ours to catch.
        if stopped.owner is not owner:
            raise
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
        RuntimeError: the forward pass does not come by the layer, or does so without gradients though they
            were asked for (reentrant gradient checkpointing).
    """
    blocks = find_blocks(model)
    n_layers = len(blocks)
    if layers is not None and not isinstance(layers, Iterable):
        raise TypeError(f"layers must be several layers, such as [{layers!r}], got {layers!r}")
    every = range(n_layers) if layers is None else layers
    wanted = {check_layer(layer, n_layers, after_last_block=True) for layer in every}
    if after_last_block:
        wanted.add(n_layers)

    _check_readable(model, positions, n_layers in wanted)
    captured: dict[int, Tensor] = {}
    hooks = _capture_hooks(blocks, sorted(wanted), captured, positions, detach)
    output = _run(model, hooks, captured, input_ids, attention_mask, detach, edits, model_kwargs)
    return {f"layer_{layer}": captured[layer] for layer in sorted(wanted)}, output


def _check_readable(model: nn.Module, positions: Positions | None, after_last_block: bool) -> None:
    """Raises for positions in a stream of another form, and for an output that is not the stream."""
    if positions is not None:
        check_addressable(model)
    if after_last_block:
        check_whole_blocks(model)


def _capture_hooks(
    blocks: nn.ModuleList,
    layers: list[int],
    captured: dict[int, Tensor],
    positions: Positions | None,
    detach: bool,
    after_capture: Callable[[], None] | None = None,
) -> tuple[list[HookPair], list[HookPair]]:
    """Pre-hooks and forward hooks (with kwargs) that put a copy of each layer's stream into `captured`."""
    where = None if positions is None else check_positions(positions)
    with_gradients = not detach and torch.is_grad_enabled()

    def keep(layer: int, stream: Tensor) -> None:
        if _collecting.get() is not captured:
            return
        if with_gradients and not torch.is_grad_enabled():
            raise RuntimeError(
                f"layer {layer} is run without gradients, so that detach=False has none to give: reentrant "
                "gradient checkpointing does this; use model.gradient_checkpointing_enable("
                'gradient_checkpointing_kwargs={"use_reentrant": False}) or switch it off'
            )
        if where is not None:
            stream = stream[:, index_in(stream, where)]
        # clone: the model may go on to edit this tensor, and a view would keep all of it in memory.
        captured[layer] = stream.clone()
        if after_capture is not None:
            after_capture()

    # A list: indexing an nn.ModuleList takes its time.
    return stream_hooks(list(blocks), layers, keep)


def _run(
    model: nn.Module,
    hooks: tuple[list[HookPair], list[HookPair]],
    captured: dict[int, Tensor],
    input_ids: Tensor | None,
    attention_mask: Tensor | None,
    detach: bool,
    edits: Edits,
    model_kwargs: dict[str, Any],
) -> Any:
    _check_input_ids(input_ids, model_kwargs)
    if edits not in ("after", "before"):
        raise ValueError(f'edits must be "after" or "before", got {edits!r}')
    if attention_mask is not None:
        model_kwargs["attention_mask"] = attention_mask
    n_hooks = len(hooks[0]) + len(hooks[1])
    with (
        torch.no_grad() if detach else nullcontext(),
        uncompiled(model),
        add_hooks(*hooks, with_kwargs=True, prepend=edits == "before"),
    ):
        mine = _collecting.set(captured)
        try:
            output = model(input_ids=input_ids, **model_kwargs)
        finally:
            _collecting.reset(mine)
        if len(captured) < n_hooks:
            raise RuntimeError(
                f"only {len(captured)} of {n_hooks} layers were reached: the forward pass of "
                f"{type(model).__name__} does not call all of its blocks, or calls them where hooks do not "
                "run (by module.forward, in torch.jit, in a part compiled with torch.compile)"
            )
    return output


def _records(model: nn.Module, model_kwargs: Mapping[str, Any]) -> bool:
    """Whether a call asks transformers for hidden states, attentions or router logits as well."""
    config = getattr(text_host(model), "config", None)
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
