"""Activation patching: copy the residual stream of one run into another, one place at a time.

Where does what the model will say depend on the stream? Run two prompts that differ in one word and are
answered differently. Copy the stream of the first run at one layer and position into the second run, and
see how far the answer moves towards the first one. Known as causal tracing since Meng et al., 2022
(https://arxiv.org/abs/2202.05262); Heimersheim and Nanda, 2024 (https://arxiv.org/abs/2404.15255) say how
to read the results, Zhang and Nanda, 2023 (https://arxiv.org/abs/2309.16042) how to choose the metric.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_input, replace_input
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.arguments import Positions, check_answers, check_positions, index_in
from tutorial_lib.compiled import uncompiled
from tutorial_lib.hooks import HookPair, add_hooks
from tutorial_lib.residual import cache_residual_streams

Metric = Callable[[Tensor], Tensor]


def patch_residual_stream(
    model: nn.Module, layer_idx: int, source: Tensor, positions: Positions | None = None
) -> list[HookPair]:
    """A hook that replaces the stream that a block receives by the stream of another run.

        streams, _ = cache_residual_streams(model, clean_ids)
        with add_hooks(patch_residual_stream(model, 1, streams["layer_1"], positions=-1)):
            model(corrupt_ids)

    Args:
        model: a decoder language model of transformers.
        layer_idx: the block, 0 to n_layers - 1.
        source: the stream `[batch, seq, d_model]` of the other run at this layer; a batch of 1 is used for
            every row.
        positions: an int, ints, a slice or a 1-D tensor; every position if None. Negative ones count from
            the end. Each position gets what the source has at the same position.

    Returns:
        One (block, pre-hook) pair for `add_hooks`.

    Raises:
        ValueError: a layer that does not exist, a source of another number of dimensions; and when the hook
            runs, a source of another shape than the stream, a position outside the sequence.
        UnaddressableStreamError: the stream of the model is no single `[batch, seq, d_model]`, so that a
            position would not be a position.
        TypeError: an argument of a wrong type.
    """
    place = stream_of(model)
    layer = place.layer(layer_idx)
    place.check_addressable()
    if not isinstance(source, Tensor) or not source.is_floating_point():
        found = source.dtype if isinstance(source, Tensor) else type(source).__name__
        raise TypeError(f"source must be a stream [batch, seq, d_model] of another run, got {found}")
    if source.ndim != 3:
        raise ValueError(f"source must have the shape [batch, seq, d_model], got {tuple(source.shape)}")
    where: Positions = slice(None) if positions is None else check_positions(positions)

    def patch_stream(module: nn.Module, args: Any, kwargs: Any = None) -> Any:
        stream = read_input(args, kwargs)
        if source.shape[1:] != stream.shape[1:] or source.shape[0] not in (1, stream.shape[0]):
            raise ValueError(
                f"the source is {tuple(source.shape)}, but the stream of this call is {tuple(stream.shape)}: "
                "both runs need the same number of tokens, so that a position means the same in both "
                "(in cached generation a call sees only the new tokens)"
            )
        index = index_in(stream, where)
        patched = stream.clone()  # our own copy, so assigning into it edits nothing of the model's
        patched[:, index] = source[:, index].to(stream)
        return replace_input(args, kwargs, patched)

    return [(place.blocks[layer], patch_stream)]


def logit_difference(answers: Tensor, others: Tensor, position: int = -1) -> Metric:
    """A metric for `activation_patching`: logit of the answer minus logit of another word.

    Args:
        answers: the id of the right word of each row, `[batch]`.
        others: the id of the word that it is compared with, `[batch]`.
        position: where the answer comes next.

    Returns:
        A function from logits `[batch, seq, vocab]` to the difference in each row, `[batch]`.

    Raises:
        ValueError: answers and others of different or wrong shapes; when called, of another batch size.
    """
    check_answers(answers, others)

    def difference(logits: Tensor) -> Tensor:
        if len(logits) != len(answers):
            raise ValueError(f"the metric has answers for {len(answers)} rows, the logits {len(logits)}")
        words = torch.stack([answers, others], dim=-1).to(logits.device)
        pair = logits[:, position].float().gather(-1, words)
        return pair[:, 0] - pair[:, 1]

    return difference


@torch.no_grad()
def activation_patching(
    model: nn.Module,
    clean_ids: Tensor,
    corrupt_ids: Tensor,
    metric: Metric,
    *,
    source_ids: Tensor | None = None,
    attention_mask: Tensor | None = None,
    **model_kwargs: Any,
) -> Tensor:
    """How much of a metric comes back when one place of the stream is copied from a clean run.

    The corrupt texts are run once for every layer and position, with the clean run's stream at that place.
    0 is the corrupt run untouched, 1 is the clean run. The two are n_layers * seq forward passes.

    This direction is called denoising: it asks what suffices for the clean answer. With the two sets of ids
    swapped it is noising, and the grid says what share of the metric breaks: what the answer needs.

    Args:
        model: a decoder language model of transformers.
        clean_ids: `[batch, seq]`; row i of the corrupt ids is the partner of row i.
        corrupt_ids: of the same shape, each text as many tokens long as its partner.
        metric: from logits `[batch, seq, vocab]` to a number for each row `[batch]`, or to one number. It is
            averaged before the share is taken. `logit_difference` makes one.
        source_ids: patch from these texts instead of the clean ones, of the same shape, as a control.
        attention_mask: `[batch, seq]`, for the clean, the corrupt and the source texts alike.
        **model_kwargs: passed on to the model.

    Returns:
        `[n_layers, seq]`, on the CPU: the share restored by the stream before block i, at position j.

    Raises:
        ValueError: ids of different shapes; a metric that is the same on both or not finite.
        UnaddressableStreamError: as for `patch_residual_stream`, before the model is run.
        TypeError: ids that are not token ids.
    """
    place = stream_of(model)
    place.check_addressable()
    sources = clean_ids if source_ids is None else source_ids
    for name, ids in (("corrupt_ids", corrupt_ids), ("source_ids", sources)):
        if ids.shape != clean_ids.shape:
            raise ValueError(
                f"clean_ids and {name} must have the same shape, so that a position means the same in both, "
                f"got {tuple(clean_ids.shape)} and {tuple(ids.shape)}"
            )
    settings = {**model_kwargs, "use_cache": False, "attention_mask": attention_mask}

    def measure(ids: Tensor) -> float:
        with uncompiled(place):
            return float(metric(model(input_ids=ids, **settings).logits).float().mean())

    streams, _ = cache_residual_streams(model, sources, **settings)
    clean, corrupt = measure(clean_ids), measure(corrupt_ids)
    gap = clean - corrupt
    if not torch.isfinite(torch.tensor(gap)) or gap == 0:
        raise ValueError(
            f"the metric is {clean:.4g} on the clean and {corrupt:.4g} on the corrupt texts: without a "
            "difference that is finite and not 0 no share of it can be restored"
        )
    n_positions = clean_ids.shape[1]
    grid = torch.zeros(len(streams), n_positions)
    for layer, stream in enumerate(streams.values()):
        for position in range(n_positions):
            with add_hooks(patch_residual_stream(model, layer, stream, position), with_kwargs=True):
                grid[layer, position] = (measure(corrupt_ids) - corrupt) / gap
    return grid
