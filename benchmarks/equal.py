"""Whether a variant does what it says, before anything is timed.

The expected values are made without hooks: streams by `output_hidden_states`, edits by blocks whose `forward`
is replaced for the time being.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from benchmarks.variant import Variant
from benchmarks.workload import NEW_TOKENS, Workload

# Of the largest expected number. A library that computes attention in its own code rounds differently.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class EqualityCheck:
    """How a variant's result compares with the expected one.

    Attributes:
        problem: what is wrong with it, empty if nothing is.
        difference: the largest one, as a part of the largest expected number; for token ids the part of the
            tokens that differ.
        copies: whether what was read is apart from the model's own tensors; None where nothing was read.
    """

    problem: str
    difference: float
    copies: bool | None = None


@dataclass(frozen=True)
class Expected:
    """The right results of a job, by task."""

    streams: dict[int, Tensor]
    logits: dict[str, Tensor]
    ids: dict[str, Tensor]


@torch.no_grad()
def expected(job: Workload) -> Expected:
    """Computes what each task should give."""
    model, blocks = job.model, job.model.model.layers
    n_layers = len(blocks)
    last: list[Tensor] = []

    def steer(stream: Tensor) -> Tensor:
        return stream + job.vector

    def ablate(stream: Tensor) -> Tensor:
        return stream - (stream @ job.unit).unsqueeze(-1) * job.unit

    # On a copy: the hooks with which transformers records hidden states stay on a model for good.
    plain = job.own_model()(job.ids, output_hidden_states=True)
    streams = {layer: plain.hidden_states[layer].clone() for layer in range(n_layers)}
    with _replaced_outputs(blocks[-1], last.append):
        model(job.ids)
    streams[n_layers] = last[0].clone()  # hidden_states[-1] is after the final norm

    logits = {"nothing": plain.logits}
    ids = {"generate": generate(job)}
    with _replaced_inputs([blocks[job.layer]], steer):
        logits["steer"] = model(job.ids).logits
        ids["steer generation"] = generate(job)
    with _replaced_inputs(blocks, ablate):
        logits["ablate"] = model(job.ids).logits
    return Expected(streams, logits, ids)


def generate(job: Workload, model: Any = None) -> Tensor:
    """The prompt and 32 tokens `[batch, 48]`, the most likely one each time."""
    model = job.model if model is None else model
    ids: Tensor = model.generate(
        job.prompt,
        attention_mask=torch.ones_like(job.prompt),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
    )
    return ids


@contextmanager
def _replaced_inputs(blocks: Iterable[Any], edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Blocks whose forward gets an edited stream; no hook is involved."""
    forwards = [(block, block.forward) for block in blocks]

    def edited(forward: Callable[..., Any]) -> Callable[..., Any]:
        return lambda stream, *args, **kwargs: forward(edit(stream), *args, **kwargs)

    try:
        for block, forward in forwards:
            block.forward = edited(forward)
        yield
    finally:
        for block, _ in forwards:
            del block.forward  # the method of the class is seen again


@contextmanager
def _replaced_outputs(block: Any, see: Callable[[Tensor], None]) -> Iterator[None]:
    forward = block.forward

    def seen(*args: Any, **kwargs: Any) -> Any:
        output = forward(*args, **kwargs)
        see(output[0] if isinstance(output, tuple) else output)
        return output

    try:
        block.forward = seen
        yield
    finally:
        del block.forward


def check(variant: Variant, right: Expected, job: Workload) -> EqualityCheck:
    """Runs a variant once and compares what it gives with what it should.

    Raises whatever the variant raises.
    """
    with torch.no_grad(), _stream_storages() as storages:
        result = variant.read(variant.run())
    if variant.task in right.ids:
        return _compare_ids(result, right.ids[variant.task])
    if variant.task in right.logits:
        return _compared(result, right.logits[variant.task], "logits")
    layers = set(range(job.size.layers))
    wanted = (
        (layers, {layer + 1 for layer in layers}) if variant.task in ("all", "everything") else ({job.layer},)
    )
    if set(result) not in wanted:
        return EqualityCheck(f"it read the layers {sorted(result)}", float("inf"))
    each = [_compared(result[layer], right.streams[layer], f"layer {layer}") for layer in sorted(result)]
    copies = not any(stream.untyped_storage().data_ptr() in storages for stream in result.values())
    worst = max(each, key=lambda one: one.difference)
    return EqualityCheck(worst.problem, worst.difference, copies)


def _compared(found: Tensor, right: Tensor, what: str) -> EqualityCheck:
    if found.shape != right.shape or found.dtype != right.dtype:
        got = f"{found.dtype} {tuple(found.shape)} and not {right.dtype} {tuple(right.shape)}"
        return EqualityCheck(f"{what}: {got}", float("inf"))
    difference = float((found - right).abs().max() / right.abs().max())
    wrong = not difference <= TOLERANCE  # also where it is nan
    return EqualityCheck(f"{what} off by {difference:.2g} of the largest number" if wrong else "", difference)


def _compare_ids(found: Tensor, right: Tensor) -> EqualityCheck:
    if found.shape != right.shape:
        return EqualityCheck(f"ids of shape {tuple(found.shape)} and not {tuple(right.shape)}", float("inf"))
    difference = float((found != right).float().mean())
    return EqualityCheck(f"{difference:.0%} of the tokens differ" if difference else "", difference)


@contextmanager
def _stream_storages() -> Iterator[dict[int, Tensor]]:
    """Where in memory the tensors are that any module takes or returns meanwhile."""
    seen: dict[int, Tensor] = {}  # holding the tensors keeps their addresses from being used again

    def note(value: Any) -> None:
        if isinstance(value, Tensor):
            seen[value.untyped_storage().data_ptr()] = value
        elif isinstance(value, tuple):
            for part in value:
                note(part)

    def before(module: nn.Module, args: Any) -> None:
        note(args)

    def after(module: nn.Module, args: Any, output: Any) -> None:
        note(output)

    handles = [register_module_forward_pre_hook(before), register_module_forward_hook(after)]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()
