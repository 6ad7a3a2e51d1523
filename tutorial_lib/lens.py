"""Read the residual stream through the model's own last step: the final norm and the unembedding.

The logit lens asks what the model would say if it stopped at a layer. Direct logit attribution takes the
last stream apart instead: how much did each attention and MLP add to one word's lead over another?
"""

from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_output
from tutorial_lib.architecture.model_map import ModelMap, parts_of
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.arguments import Positions, check_answers, check_positions, position_index
from tutorial_lib.directions import writing_modules
from tutorial_lib.hooks import HookPair, add_hooks
from tutorial_lib.residual import cache_residual_streams


def project_to_logits(model: nn.Module, stream: Tensor) -> Tensor:
    """The logits that the model gives for a stream, as if it were the output of its last block.

    Final norm, unembedding, and what some models do after it: Cohere multiplies the logits by `logit_scale`,
    Granite divides them by `logits_scaling`, Gemma 2 squeezes them into `final_logit_softcapping`.

    Args:
        model: a decoder language model of transformers with a language-model head.
        stream: `[..., d_model]`, from before the final norm.

    Returns:
        Logits `[..., vocab]`. Gradients flow.

    Raises:
        ValueError: a model without a language-model head, a stream of another width.
    """
    parts = parts_of(model)
    weight = _unembedding_weight(parts)
    if stream.shape[-1] != weight.shape[1]:
        raise ValueError(
            f"the stream must be [..., {weight.shape[1]}], as wide as the unembedding of "
            f"{parts.model_class}, got {tuple(stream.shape)}"
        )
    assert parts.unembedding is not None
    normed = stream if parts.final_norm is None else parts.final_norm(stream)
    logits: Tensor = parts.unembedding(normed) * _logit_factor(model)
    cap = _setting(model, "final_logit_softcapping")
    return logits if cap is None else torch.tanh(logits / cap) * cap


@torch.no_grad()
def logit_lens(
    model: nn.Module,
    input_ids: Tensor | None,
    *,
    attention_mask: Tensor | None = None,
    positions: Positions | None = None,
    **model_kwargs: Any,
) -> Tensor:
    """What the model would say if it stopped at a layer: the logits of every layer's stream.

        logits = logit_lens(model, **tokenizer("The capital of France is", return_tensors="pt"))
        logits.argmax(-1)[:, 0, -1]  # the word on top, layer by layer

    The logit lens is due to nostalgebraist, "interpreting GPT: the logit lens", LessWrong 2020
    (https://www.lesswrong.com/posts/AcKRB8wDpdaN6v6ru). For streams that you have already, or have edited,
    there is `project_to_logits`.

    Args:
        model: a decoder language model of transformers with a language-model head.
        input_ids: token ids `[batch, seq]`; None if `inputs_embeds` is among the `model_kwargs`.
        attention_mask: `[batch, seq]`, as the tokenizer gives it.
        positions: only these positions: an int, ints, a slice or a 1-D tensor. All, if None, and with a large
            vocabulary these are many numbers.
        **model_kwargs: passed on to the model.

    Returns:
        `[n_layers + 1, batch, seq, vocab]`; with `positions`, `[n_layers + 1, batch, n_positions, vocab]`.
        The last layer's are the model's own logits.

    Raises:
        ValueError: a model without a head; a model that makes its logits in another way, which is found by
            comparing the last layer's with the model's; a position that does not exist.
        TypeError: an argument of a wrong type.
    """
    _unembedding_weight(parts_of(model))
    settings = {**model_kwargs, "attention_mask": attention_mask, "positions": positions}
    streams, output = cache_residual_streams(model, input_ids, after_last_block=True, **settings)
    logits = torch.stack([project_to_logits(model, stream) for stream in streams.values()])
    own = output.logits
    if positions is not None:
        own = own[:, position_index(check_positions(positions), own.shape[1])]
    _check_close(logits[-1], own, f"the logits of {type(model).__name__} from its last stream")
    return logits


@torch.no_grad()
def direct_logit_attribution(
    model: nn.Module,
    input_ids: Tensor | None,
    answers: Tensor,
    others: Tensor,
    *,
    position: int = -1,
    attention_mask: Tensor | None = None,
    **model_kwargs: Any,
) -> dict[str, Tensor]:
    """What each part of the model adds to the lead of one word over another.

    The last stream is a sum: the embedding and what every attention and MLP wrote. The final norm divides it
    by one number; with that number kept as it was in this run, the rest is linear, so the difference of two
    logits is a sum over the same parts (Elhage et al., 2021,
    https://transformer-circuits.pub/2021/framework/index.html). What a part does by way of later parts is
    counted with them.

    Args:
        model: a decoder language model of transformers, pre-norm, parallel or (as Gemma) sandwich.
        input_ids: token ids `[batch, seq]`; None if `inputs_embeds` is among the `model_kwargs`.
        answers: the id of the one word for each row, `[batch]`.
        others: the id of the word that it is compared with, `[batch]`.
        position: where the word comes next.
        attention_mask: `[batch, seq]`, as the tokenizer gives it.
        **model_kwargs: passed on to the model.

    Returns:
        `[batch]` each, in float32, under "embedding", "attention_0", "mlp_0", "attention_1" and so on, and
        "bias" if norm or unembedding have one. They sum to the logit difference, before softcapping.

    Raises:
        ValueError: answers and others of a wrong shape; a model whose last stream is not the sum of these
            parts, or whose final norm is of an unknown sort.
        TypeError: an argument of a wrong type.
    """
    stream_of(model).check_addressable()
    parts = parts_of(model)
    weight = _unembedding_weight(parts)
    _check_answers(answers, others, model_kwargs.get("inputs_embeds") if input_ids is None else input_ids)
    names = [f"{part}_{layer}" for layer in range(parts.n_layers) for part in ("attention", "mlp")]
    writes: dict[str, Tensor] = dict.fromkeys(["embedding", *names], torch.empty(0))

    def recorder(name: str, module: nn.Module) -> HookPair:
        def record_write(module: nn.Module, args: Any, output: Any) -> None:
            written = read_output(output)
            # OPT's MLP returns [batch * seq, d_model].
            by_row = written.reshape(len(answers), -1, written.shape[-1])
            writes[name] = by_row[:, position].float().clone()

        return module, record_write

    with add_hooks([], [recorder(*named) for named in zip(names, writing_modules(parts), strict=True)]):
        settings = {**model_kwargs, "attention_mask": attention_mask, "positions": position}
        streams, _ = cache_residual_streams(model, input_ids, [0, parts.n_layers], **settings)
    writes["embedding"], last = (stream[:, 0].float() for stream in streams.values())
    total = torch.stack(list(writes.values())).sum(0)
    _check_close(total, last, f"the sum of what the parts of {parts.model_class} write", weight.dtype)

    factor = _logit_factor(model)
    rows = [weight[ids.to(weight.device)].float() for ids in (answers, others)]
    toward = (rows[0] - rows[1]) * factor
    gain, centred, bias = _frozen_norm(parts.final_norm, last)
    constant = (bias * toward).sum(-1)
    head_bias = getattr(parts.unembedding, "bias", None)
    if head_bias is not None:
        ahead = [head_bias[ids.to(weight.device)].float() for ids in (answers, others)]
        constant = constant + (ahead[0] - ahead[1]) * factor
    shares = {}
    for name, written in writes.items():
        moved = written - written.mean(-1, keepdim=True) if centred else written
        shares[name] = (moved * gain * toward).sum(-1)
    return {**shares, "bias": constant} if constant.any() else shares


def _frozen_norm(norm: Any, stream: Tensor) -> tuple[Tensor, bool, Tensor]:
    """The final norm at this stream as a linear map: what to multiply with, whether to centre, what to add.

    There are LayerNorm, RMSNorm and norms whose weight counts from 1 (Gemma): the one that gives what the
    norm itself gives is the right one.
    """
    weight = getattr(norm, "weight", None)
    if weight is not None:
        wanted = norm(stream.to(weight.dtype)).float()
        bias = getattr(norm, "bias", None)
        added = torch.zeros_like(wanted[0]) if bias is None else bias.float()
        eps = getattr(norm, "eps", getattr(norm, "variance_epsilon", 0.0))
        for centred in (False, True):
            x = stream - stream.mean(-1, keepdim=True) if centred else stream
            scale = (x.pow(2).mean(-1, keepdim=True) + eps).rsqrt()
            for offset in (0, 1):
                gain = (weight.float() + offset) * scale
                if _is_close(x * gain + added, wanted, weight.dtype):
                    return gain, centred, added
    raise ValueError(
        f"the final norm, {type(norm).__name__}, is neither a LayerNorm nor an RMSNorm with a weight, so it "
        "is not known how to freeze its scale"
    )


def _unembedding_weight(parts: ModelMap) -> Tensor:
    """`[vocab, d_model]`."""
    weight = getattr(parts.unembedding, "weight", None)
    if weight is None:
        raise ValueError(
            f"{parts.model_class} has no language-model head; load it with AutoModelForCausalLM to get logits"
        )
    assert isinstance(weight, Tensor)
    return weight


def _setting(model: nn.Module, name: str) -> float | None:
    value = getattr(stream_of(model).config, name, None)
    return None if value is None else float(value)


def _logit_factor(model: nn.Module) -> float:
    """What the logits are multiplied by after the unembedding: 1 in most models."""
    return (_setting(model, "logit_scale") or 1.0) / (_setting(model, "logits_scaling") or 1.0)


def _check_answers(answers: Tensor, others: Tensor, inputs: Any) -> None:
    check_answers(answers, others)
    if isinstance(inputs, Tensor) and len(inputs) != len(answers):
        raise ValueError(f"there are {len(answers)} answers for {len(inputs)} rows of input")


def _is_close(found: Tensor, wanted: Tensor, dtype: torch.dtype) -> bool:
    tolerance = 1e-3 if dtype in (torch.float32, torch.float64) else 3e-2
    return bool((found - wanted).abs().max() <= tolerance * wanted.abs().max())


def _check_close(found: Tensor, wanted: Tensor, what: str, dtype: torch.dtype | None = None) -> None:
    """Raises where a model does something to its stream or its logits that this file does not know."""
    if not _is_close(found, wanted, wanted.dtype if dtype is None else dtype):
        apart = (found - wanted).abs().max().item()
        raise ValueError(
            f"{what}: {apart:.3g} away from what the model itself has, so it does something in between that "
            "this function does not know"
        )
