"""The checks of `verify_model`: each runs a model, compares numbers and says in words what it found."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_input, read_output, replace_input, replace_output
from tutorial_lib.architecture.model_map import ModelMap
from tutorial_lib.architecture.verification import Finding
from tutorial_lib.verify.chain import Chain, chain_of, last_chain
from tutorial_lib.verify.recording import Call, quiet_hooks
from tutorial_lib.verify.trial import Trial

NEW_TOKENS = 4


def blocks_found(trial: Trial, chain: Chain, calls: list[Call], lists: dict[str, list[nn.Module]]) -> Finding:
    """The blocks are called in a chain, and no other list of modules is one that ends later."""
    name, path = "blocks found", trial.parts.blocks_path
    if chain.trouble:
        return Finding(name, False, f"{path}: {chain.trouble}{_between(trial, chain, calls)}")
    last = last_chain({key: chain_of(elements, calls) for key, elements in lists.items()})
    if last is not None and lists[last] != list(trial.parts.blocks):
        return Finding(name, False, f"{path} is a chain, but the last one of the pass is {last}")
    return Finding(name, True, f"each block gets what the one before returned{chain.remark}")


def _between(trial: Trial, chain: Chain, calls: list[Call]) -> str:
    """Which modules, of those that stand in lists, run after one block and before the next."""
    if len(chain.calls) < 2:
        return ""
    one, two = chain.calls[:2]
    names = {id(module): name for name, module in trial.model.named_modules()}
    outside = [call for call in calls[calls.index(one) + 1 : calls.index(two)] if call.ended > one.ended]
    found = [names[id(call.module)] for call in outside]
    return f", as {', '.join(found)} {'act' if len(found) > 1 else 'acts'} between them" if found else ""


def final_norm(parts: ModelMap, chain: Chain, calls: list[Call], states: list[Tensor]) -> Finding:
    """The final norm gets what the last block returned, and returns what the model ends with."""
    name = "final norm"
    end = chain.calls[-1].output if chain.calls else None
    last = states[-1] if states else None
    if parts.final_norm is None:
        raw = "; hidden_states[-1] is the output of the last block" if equal(end, last) else ""
        return Finding(name, None, f"the model has none{raw}")
    norms = [call for call in calls if call.module is parts.final_norm]
    path = parts.final_norm_path
    if end is None or not norms:
        return Finding(name, False, f"{path} is not called after the last block")
    gets, gives = norms[-1].stream, norms[-1].output
    ends = _ending(parts, calls, gives, last)
    if ends is None:
        return Finding(name, False, f"what {path} returns is not what the model ends with")
    if chain.second or (gets is not None and gets.ndim != end.ndim):
        return Finding(name, None, f"{path} gets a mixture of the last block's streams and returns {ends}")
    if not equal(gets, end):
        return Finding(name, False, f"{path} does not get the output of the last block")
    raw = "; hidden_states[-1] is not normalised" if equal(end, last) else ""
    return Finding(name, True, f"{path} of the last block's output is {ends}{raw}")


def _ending(parts: ModelMap, calls: list[Call], gives: Tensor | None, last: Tensor | None) -> str | None:
    """What the output of the final norm is: None if it is not what the model ends with."""
    if equal(gives, last):
        return "hidden_states[-1]"
    if gives is not None and last is not None and equal(gives[:, -last.shape[1] :], last):
        return "hidden_states[-1], which leaves out what is put before the tokens"
    heads = [call.stream for call in calls if call.module is parts.unembedding]
    if heads and equal(gives, heads[-1]):
        return "what the unembedding gets"
    holds = [call for call in calls if any(part is parts.final_norm for part in call.module.children())]
    if holds and equal(gives, holds[-1].output):
        return "what the model without its head returns"
    return None


def zero_edit(trial: Trial, chain: Chain) -> Finding:
    """An edit of every block that changes nothing."""
    name = "zero edit"
    if not chain.calls or chain.calls[0].stream is None:
        return Finding(name, None, "no stream to edit")
    plain = trial.logits()
    with quiet_hooks([(module, _adding(None)) for module in dict.fromkeys(c.module for c in chain.calls)]):
        same = torch.equal(plain, trial.logits())
    return Finding(name, same, f"the logits {'are the same bit for bit' if same else 'move'}")


def edit(trial: Trial, chain: Chain) -> Finding:
    """A vector added at the first, the middle and the last block, and to what the block before returned."""
    name = "edit"
    if not chain.calls or chain.calls[0].stream is None:
        return Finding(name, None, "no stream to edit")
    plain, modules = trial.logits(), list(dict.fromkeys(call.module for call in chain.calls))
    for place in sorted({0, len(modules) // 2, len(modules) - 1}):
        stream = next(call.stream for call in chain.calls if call.module is modules[place])
        assert stream is not None
        generator = torch.Generator().manual_seed(place)
        vector = torch.randn(stream.shape[-1], generator=generator).to(stream) * stream.std()
        with quiet_hooks([(modules[place], _adding(vector))]):
            edited = trial.logits()
        if torch.equal(edited, plain):
            return Finding(name, False, f"a vector added at block {place} does not move the logits")
        if place > 0:
            with quiet_hooks([], [(modules[place - 1], _adding(vector, at_output=True))]):
                before = trial.logits()
            if not torch.equal(edited, before):
                what = f"an edit of block {place}'s input and of block {place - 1}'s output differ"
                return Finding(name, False, what)
    return Finding(name, True, "the logits move, and alike for an edit at the output of the block before")


def _adding(vector: Tensor | None, *, at_output: bool = False) -> Callable[..., Any]:
    def at_end(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        stream = read_output(output)
        return replace_output(output, stream.clone() if vector is None else stream + vector.to(stream))

    def at_start(module: nn.Module, args: Any, kwargs: Any) -> Any:
        stream = read_input(args, kwargs)
        return replace_input(args, kwargs, stream.clone() if vector is None else stream + vector.to(stream))

    return at_end if at_output else at_start


def second_matters(trial: Trial, chain: Chain) -> bool:
    """Whether the logits move with what the last block returns beside the stream; True if that is nothing."""
    if not chain.calls[-1].more:
        return True
    plain, handled = trial.logits(), chain.calls[-1]

    def shift(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        main = read_output(output)
        moved = [
            value + 1
            if isinstance(value, Tensor) and value is not main and value.shape == main.shape
            else value
            for value in (output.values() if isinstance(output, Mapping) else output)
        ]
        if isinstance(output, Mapping):
            return type(output)(**dict(zip(output, moved, strict=True)))
        return output._make(moved) if hasattr(output, "_make") else type(output)(moved)

    with quiet_hooks([], [(handled.module, shift)]):
        return not torch.equal(plain, trial.logits())


def calls_in_generate(trial: Trial, chain: Chain, wanted: bool) -> Finding:
    """In a greedy `generate` with a cache each new token calls the blocks as one forward pass does."""
    name = "calls in generate"
    if not wanted or not hasattr(trial.model, "generate"):
        return Finding(name, None, "not asked for" if not wanted else "the model has no generate()")
    counts = {id(module): 0 for module in trial.parts.blocks}

    def count(module: nn.Module, args: Any, kwargs: Any) -> None:
        counts[id(module)] += 1

    settings = {
        "max_new_tokens": NEW_TOKENS,
        "min_new_tokens": NEW_TOKENS,
        "do_sample": False,
        "num_beams": 1,
    }
    generate: Any = trial.model.generate
    try:
        with quiet_hooks([(module, count) for module in trial.parts.blocks]):
            generate(trial.ids, attention_mask=torch.ones_like(trial.ids), use_cache=True, **settings)
    except Exception as error:  # whatever a model's own generate raises is what we report
        said = f"{type(error).__name__}: {error}".splitlines()[0]
        return Finding(name, None, f"generate() does not run: {said}")
    per_pass = [sum(call.module is module for call in chain.calls) for module in trial.parts.blocks]
    wrong = {
        index: counts[id(module)]
        for index, (module, each) in enumerate(zip(trial.parts.blocks, per_pass, strict=True))
        if counts[id(module)] != each * NEW_TOKENS
    }
    if wrong:
        index, seen = next(iter(wrong.items()))
        return Finding(
            name, False, f"block {index} was called {seen} times, expected {per_pass[index] * NEW_TOKENS}"
        )
    most = max(per_pass, default=0) * NEW_TOKENS
    return Finding(name, most > 0, f"{most} calls a block for {NEW_TOKENS} tokens")


def equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and one.shape == other.shape and torch.equal(one, other)
