"""Verify a model map by value: run the model on a few random tokens and compare numbers.

    print(verify_model(model))

`map_model` finds by rules where the residual stream of a model is. This file says whether it is so.
"""

import random
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_output, replace_output
from tutorial_lib.architecture.hf import unwrapped
from tutorial_lib.architecture.model_map import ATTENTION_NAMES, MLP_NAMES, named_parts, parts_of
from tutorial_lib.architecture.stream import UnaddressableStreamError
from tutorial_lib.architecture.verification import Finding, Verification
from tutorial_lib.verify.chain import Chain, chain_of, state_meaning
from tutorial_lib.verify.findings import (
    blocks_found,
    calls_in_generate,
    edit,
    equal,
    final_norm,
    second_matters,
    zero_edit,
)
from tutorial_lib.verify.recording import left_as_it_was, quiet_hooks, record
from tutorial_lib.verify.sums import Sum, block_sum
from tutorial_lib.verify.trial import Trial, random_ids, shape_words


def verify_model(model: nn.Module, input_ids: Tensor | None = None, *, generate: bool = True) -> Verification:
    """Runs a causal language model on a few tokens and checks what `map_model` says about it.

    The model is left as it was: hooks, training mode, config, random numbers. A wrapper that changes how a
    model runs, such as torch.compile, is looked through: what it wraps is run.

    Args:
        model: a language model of transformers.
        input_ids: token ids `[batch, seq]`; a few random ones, no special tokens among them, if None.
        generate: also count the calls of the blocks in a greedy `generate` of four tokens.

    Returns:
        What was measured; `print` shows a line for each check.

    Raises:
        ValueError: the model has no blocks of a decoder.
    """
    parts = parts_of(model)
    ids = random_ids(model, parts) if input_ids is None else input_ids
    before = _modes(model)
    with left_as_it_was(model) as differences:
        found = _measure(Trial(unwrapped(model), parts, ids), generate)
        changed = differences()
    changed += [] if _modes(model) == before else ["training modes or random numbers"]
    left = "hooks, config, modes and random numbers are as before"
    detail = f"changed: {', '.join(changed)}" if changed else left
    return replace(found, checks=(*found.checks, Finding("nothing left behind", not changed, detail)))


def _modes(model: nn.Module) -> list[Any]:
    return [module.training for module in model.modules()] + [
        torch.get_rng_state().tolist(),
        random.getstate(),
    ]


def verified(model: nn.Module) -> Verification:
    """`verify_model`, for callers that cannot go on with a map that is wrong.

    Raises:
        UnaddressableStreamError: the stream cannot be addressed as one; the message says why.
        ValueError: another check failed; the message says which and why.
    """
    found = verify_model(model)
    if not found.addressable:
        raise UnaddressableStreamError(f"{found.model_class}: {found.reason}")
    if found.problems:
        raise ValueError(f"the map of {found.model_class} is wrong: {'; '.join(found.problems)}")
    return found


def _measure(trial: Trial, generate: bool) -> Verification:
    parts, blocks = trial.parts, list(trial.parts.blocks)
    lists = {
        name: list(module)
        for name, module in trial.model.named_modules()
        if isinstance(module, nn.ModuleList)
    }
    watched = [element for elements in lists.values() for element in elements] + blocks
    watched += [part for part in (parts.final_norm, parts.unembedding) if part is not None]
    # The model without its head: what holds the final norm.
    watched += [m for m in trial.model.modules() if any(child is parts.final_norm for child in m.children())]
    calls, output = record(watched, lambda: trial.run(output_hidden_states=True))
    chain = chain_of(blocks, calls)
    if chain.second and not second_matters(trial, chain):
        chain = replace(chain, second=False)  # such as Zaya's router states
    checks = [blocks_found(trial, chain, calls, lists)]
    shown = getattr(output, "decoder_hidden_states", None) or getattr(output, "hidden_states", None) or ()
    states = [state.detach().cpu() for state in shown]
    kinds = {type(block) for block in blocks}
    others = any(type(call.module) in kinds and call not in chain.calls for call in calls)
    checks.append(Finding("input = hidden_states", *state_meaning(states, chain, others)))
    checks.append(final_norm(parts, chain, calls, states))
    checks += [zero_edit(trial, chain), edit(trial, chain), calls_in_generate(trial, chain, generate)]
    first = chain.calls[0] if chain.calls else None
    shape = shape_words(first, trial) if first is not None else "none"
    reason = _reason(checks, chain, shape)
    sums, kind = _sums(trial, chain)
    return Verification(
        model_class=parts.model_class,
        blocks_path=parts.blocks_path,
        n_layers=len(blocks),
        returns=first.returns if first is not None else "none",
        passed_as=first.passed_as if first is not None and first.stream is not None else "none",
        stream_shape=shape,
        kind=kind,
        terms=" or ".join(dict.fromkeys(found.text for found, _ in sums)) or "not measured",
        mid_stream=next((middle for _, middle in sums if middle is not None), None),
        checks=tuple(checks),
        addressable=not reason,
        reason=reason,
    )


def _reason(checks: list[Finding], chain: Chain, shape: str) -> str:
    """Why the stream cannot be addressed as one; empty where it can."""
    if chain.trouble:
        return checks[0].detail
    if shape != "[batch, seq, d_model]":
        return f"the blocks carry {shape} instead of one [batch, seq, d_model]"
    if chain.second:
        return "a second stream goes from block to block beside the first"
    if chain.cycles > 1:
        return f"each block runs {chain.cycles} times in one pass, so a layer is not one place of the stream"
    failed = [check for check in checks if check.name in ("zero edit", "edit") and check.passed is False]
    return failed[0].detail if failed else ""


def _sums(trial: Trial, chain: Chain) -> tuple[list[tuple[Sum, bool | None]], str]:
    """The terms and the mid stream of one block of each structure, and the kind that follows from them."""
    alike: dict[tuple[str, ...], list[nn.Module]] = {}
    for module in dict.fromkeys(call.module for call in chain.calls):
        alike.setdefault(tuple(name for name, _ in module.named_children()), []).append(module)
    sums, rest = [], []
    for blocks in alike.values():
        found = block_sum(blocks[-1], trial.run)
        sums.append((found, _mid_stream(blocks[-1], found, trial)))
        # The first block may differ from all others: RWKV's has a norm of its own before it.
        if blocks != [trial.parts.blocks[0]] or len(alike) == 1:
            rest.append(sums[-1])
    kinds = list(dict.fromkeys(_kind(found, middle) for found, middle in rest))
    first = chain.calls[0].stream if chain.calls else None
    wide = first is not None and (first.ndim > 3 or first.shape[-1] > trial.parts.d_model)
    if wide or chain.second:
        return sums, "several-streams"
    return sums, kinds[0] if len(kinds) == 1 else "mixed" if kinds else "unknown"


def _kind(found: Sum, middle: bool | None) -> str:
    if not found.found:
        return "unknown"
    if not found.through:
        return "post-norm"
    if found.normed:
        return "sandwich"
    if len(found.writers) == 1:
        return "single-mixer"
    return "parallel" if middle is False else "pre-norm"


def _mid_stream(block: nn.Module, found: Sum, trial: Trial) -> bool | None:
    """Whether what the last part of a block gets moves when what the first part returns is silenced.

    The parts are the modules that write to the stream, else those named like an attention and an MLP.
    """
    parts = [block.get_submodule(name) for name in found.writers if found.through]
    if len(parts) < 2:
        named = [next(named_parts(block, names), None) for names in (ATTENTION_NAMES, MLP_NAMES)]
        parts = [part[1] for part in named if part is not None]
    if len(parts) < 2 or parts[0] is parts[-1]:
        return None

    def silence(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        return replace_output(output, torch.zeros_like(read_output(output)))

    plain, _ = record([parts[-1]], trial.run)
    with quiet_hooks([], [(parts[0], silence)]):
        silenced, _ = record([parts[-1]], trial.run)
    if not plain or not silenced:
        return None
    return not equal(plain[0].stream, silenced[0].stream)
