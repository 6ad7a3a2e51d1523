"""The same job with other libraries: the middle layer of each batch, as float16, in one file at the end.

A plain loop in each library's own words. It does not hash, resume, share or stream; what it gives is compared
with a pass under a plain hook before it is timed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

PACKAGES = ("nnsight", "transformer-lens")
Run = Callable[[Path], Any]


def variants(model: Any, batches: list[Any], layer: int) -> tuple[list[tuple[str, str, Run]], dict[str, str]]:
    """Name, library and function of each that runs and is right, and why others were left out."""
    found: list[tuple[str, str, Run]] = []
    left_out: dict[str, str] = {}
    for library, make in (("nnsight", _nnsight), ("TransformerLens bridge", _transformer_lens)):
        try:
            run = _to_a_file(make(copy.deepcopy(model), layer), batches)
            if problem := _difference(model, run, batches, layer):
                left_out[library] = problem
                continue
        except ImportError as error:
            left_out[library] = f"not installed: {error.name}"
            continue
        except Exception as error:  # whatever a library does wrong, the others are still measured
            left_out[library] = f"does not run: {type(error).__name__}: {error}".splitlines()[0]
            continue
        found.append((f"{library}, the middle layer", library, run))
    return found, left_out


def _to_a_file(stream_of: Callable[[Any], Tensor], batches: list[Any]) -> Run:
    def run(folder: Path) -> None:
        total = sum(len(batch.rows) for batch in batches)
        rows: Tensor | None = None
        for batch in batches:
            stream = stream_of(batch).flatten(0, 1)[batch.take].to(torch.float16)
            if rows is None:
                rows = stream.new_empty(total, stream.shape[-1])
            rows[_places(batch, batches)] = stream
        save_file({"layer": rows}, folder / "rows.safetensors")

    return run


def _places(batch: Any, batches: list[Any]) -> slice:
    """Rows in the order of running; the shards of a collection have rows of their own numbering."""
    before = 0
    for each in batches:
        if each is batch:
            return slice(before, before + len(batch.rows))
        before += len(each.rows)
    raise ValueError("a batch of another collection")


def _nnsight(model: Any, layer: int) -> Callable[[Any], Tensor]:
    from nnsight.modeling.transformers import TransformersModel
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({str(number): number for number in range(16)}, unk_token="0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="0", pad_token="0", eos_token="1")
    traced = TransformersModel(model, task="text-generation", tokenizer=tokenizer)
    blocks = traced.model.layers

    def stream_of(batch: Any) -> Tensor:
        with traced.trace({"input_ids": batch.ids, "attention_mask": batch.mask}) as tracer:
            stream: Tensor = blocks[layer].input.clone().save()
            tracer.stop()
        return stream

    return stream_of


def _transformer_lens(model: Any, layer: int) -> Callable[[Any], Tensor]:
    from transformer_lens.model_bridge.sources._bridge_builder import build_bridge_from_module

    bridge = build_bridge_from_module(model, type(model).__name__, hf_config=model.config)

    def stream_of(batch: Any) -> Tensor:
        # What comes back from a run that stops at a layer is the stream at its input.
        found: Tensor = bridge(batch.ids, attention_mask=batch.mask, stop_at_layer=layer)
        return found

    return stream_of


def _difference(model: Any, run: Run, batches: list[Any], layer: int) -> str | None:
    """How what a library writes differs from a pass under a plain hook; None if it does not."""
    import tempfile

    streams: list[Tensor] = []

    class Stop(BaseException):
        pass

    def keep(module: Any, args: Any) -> None:
        streams.append(args[0])
        raise Stop

    handle = model.model.layers[layer].register_forward_pre_hook(keep)
    with torch.no_grad():
        for batch in batches:
            with suppress(Stop):
                model.model(input_ids=batch.ids, attention_mask=batch.mask, use_cache=False)
        handle.remove()
        with tempfile.TemporaryDirectory() as folder:
            run(Path(folder))
            written = load_file(Path(folder, "rows.safetensors"))["layer"].float()
    right = torch.cat([each.flatten(0, 1)[batch.take] for each, batch in zip(streams, batches, strict=True)])
    off = float((written - right).abs().max() / right.abs().max())
    return f"differs by {off:.2g} of the largest number" if off > 1e-3 else None
