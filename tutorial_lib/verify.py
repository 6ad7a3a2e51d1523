"""Verify a model map by value: run the model on a few random tokens and compare numbers.

    print(verify_model(model))

`map_model` finds by rules where the residual stream of a model is. This file says whether it is so.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_input, read_output, replace_input, replace_output
from tutorial_lib.architecture import ATTENTION_NAMES, MLP_NAMES, ModelMap, named_parts
from tutorial_lib.blocks import text_config, text_host, unwrapped
from tutorial_lib.chain import Chain, chain_of, last_chain, state_meaning
from tutorial_lib.observe import Call, left_as_it_was, quiet_hooks, record
from tutorial_lib.terms import Sum, block_sum

BATCH, SEQ, NEW_TOKENS = 2, 8, 4
MIXER_NAMES = ("mamba", "mixer", "conv", "temporal", "self_att")  # what does attention's work elsewhere


@dataclass(frozen=True)
class Check:
    """One thing that was checked: it passed, failed, or (None) does not apply; `detail` says why."""

    name: str
    passed: bool | None
    detail: str


@dataclass(frozen=True)
class Verification:
    """What was measured by running a model.

    Attributes:
        model_class: the class of the model.
        blocks_path: the name of the blocks in the model.
        n_layers: how many blocks there are.
        returns: what a block returns: "tensor", "tuple", "list" or the name of a class.
        passed_as: how a block gets the stream: "args[0]" or "hidden_states=".
        stream_shape: the shape of the stream in words, "[batch, seq, d_model]" where it is as usual.
        kind: how a block writes to the stream: a `Kind`, as measured.
        terms: which terms sum to the output of a block; " or " between blocks that differ.
        mid_stream: whether there is a stream between attention and MLP: whether the MLP's input moves when the
            attention is silenced. None where a block has no two such parts.
        checks: see `Check`.
        addressable: whether the stream is one `[batch, seq, d_model]` tensor that an edit at the input of a
            block reaches.
        reason: why it is not; empty if it is.
    """

    model_class: str
    blocks_path: str
    n_layers: int
    returns: str
    passed_as: str
    stream_shape: str
    kind: str
    terms: str
    mid_stream: bool | None
    checks: tuple[Check, ...]
    addressable: bool
    reason: str

    @property
    def problems(self) -> tuple[str, ...]:
        """The checks that failed, in words."""
        return tuple(f"{check.name}: {check.detail}" for check in self.checks if check.passed is False)

    @property
    def ok(self) -> bool:
        """Whether no check failed and the stream can be addressed."""
        return self.addressable and not self.problems

    def __str__(self) -> str:
        marks = {True: "yes", False: "NO", None: "-"}
        width = max(len(check.name) for check in self.checks)
        rows = [f"  {c.name:<{width}}  {marks[c.passed]:<3}  {c.detail}".rstrip() for c in self.checks]
        head = f"{self.model_class}: {self.n_layers} blocks at {self.blocks_path}, {self.kind}"
        stream = f"  stream {self.stream_shape}, passed as {self.passed_as}, blocks return a {self.returns}"
        middle = {True: "with", False: "no", None: "no question of a"}[self.mid_stream]
        terms = f"  output of a block = {self.terms}; {middle} stream between attention and MLP"
        last = "  addressable" if self.addressable else f"  NOT addressable: {self.reason}"
        return "\n".join([head, stream, terms, *rows, last])


def verify_model(model: nn.Module, input_ids: Tensor | None = None, *, generate: bool = True) -> Verification:
    """Runs a causal language model on a few tokens and checks what `map_model` says about it.

    The model is left as it was: hooks, training mode, config, random numbers. A wrapper that changes how a
    model runs, such as torch.compile, is looked through: what it wraps is run.

    Args:
        model: a language model of transformers.
        input_ids: token ids `[batch, seq]`; a few random ones, no special tokens among them, if None.
        generate: also count the calls of the blocks in a greedy `generate` of four tokens.

    Raises:
        ValueError: the model has no blocks of a decoder.
    """
    from tutorial_lib.architecture import map_model

    parts = map_model(model)
    ids = _random_ids(model, parts) if input_ids is None else input_ids
    with left_as_it_was(model) as differences:
        probe = _Probe(unwrapped(model), parts, ids)
        found = _measure(probe, generate)
        changed = differences()
    left = "hooks, config, modes and random numbers are as before"
    clean = Check(
        "nothing left behind", not changed, left if not changed else "changed: " + ", ".join(changed)
    )
    return replace(found, checks=(*found.checks, clean))


class _Probe:
    """A model, its map and the tokens to run it on."""

    def __init__(self, model: nn.Module, parts: ModelMap, ids: Tensor) -> None:
        self.model, self.parts, self.ids = model, parts, ids
        self.host = text_host(model)
        self.two_sided = bool(getattr(self.host.config, "is_encoder_decoder", False))

    def run(self, **kwargs: Any) -> Any:
        """One forward pass, without a cache and with the same random numbers each time."""
        torch.manual_seed(0)
        random.seed(0)
        call: dict[str, Any] = {"input_ids": self.ids, "return_dict": True, **kwargs}
        if self.two_sided and hasattr(self.host, "get_encoder"):
            call["decoder_input_ids"] = self.ids
        try:
            return self.model(**call, use_cache=False)
        except TypeError:  # XLM and others know no `use_cache`
            return self.model(**call)

    def logits(self) -> Tensor:
        """The logits `[batch, seq, vocab]`, or the last hidden state of a model without a head."""
        output = self.run()
        found = getattr(output, "logits", None)
        return read_output(output) if found is None else found.detach().clone()


def _measure(probe: _Probe, generate: bool) -> Verification:
    parts, blocks = probe.parts, list(probe.parts.blocks)
    lists = {
        name: list(module)
        for name, module in probe.model.named_modules()
        if isinstance(module, nn.ModuleList)
    }
    watched = [element for elements in lists.values() for element in elements] + blocks
    watched += [parts.final_norm] if parts.final_norm is not None else []
    calls, output = record(watched, lambda: probe.run(output_hidden_states=True))
    chain = chain_of(blocks, calls)
    checks = [_blocks_found(probe, chain, calls, lists)]
    states = getattr(output, "decoder_hidden_states", None) or getattr(output, "hidden_states", None)
    others = len(calls) > len(chain.calls) + (parts.final_norm is not None)
    checks.append(Check("input = hidden_states", *state_meaning(states, chain, others)))
    checks.append(_final_norm(parts, chain, calls, states))
    checks += [_zero_edit(probe, chain), _edit(probe, chain), _generate(probe, chain, generate)]
    first = chain.calls[0] if chain.calls else None
    shape = _shape_words(first, probe) if first is not None else "none"
    reason = _reason(checks, chain, shape, probe)
    sums, kind = _sums(probe, chain, reason)
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


def _blocks_found(probe: _Probe, chain: Chain, calls: list[Call], lists: dict[str, list[nn.Module]]) -> Check:
    name, path = "blocks found", probe.parts.blocks_path
    if chain.trouble:
        return Check(name, False, f"{path}: {chain.trouble}")
    last = last_chain({key: chain_of(elements, calls) for key, elements in lists.items()})
    if last is not None and not path.endswith(last):
        return Check(name, False, f"{path} is a chain, but the last one of the pass is {last}")
    return Check(name, True, f"each block gets what the one before returned{chain.remark}")


def _final_norm(parts: ModelMap, chain: Chain, calls: list[Call], states: Any) -> Check:
    name = "final norm"
    end = chain.calls[-1].output if chain.calls else None
    last = states[-1] if states else None
    if parts.final_norm is None:
        raw = "; hidden_states[-1] is the output of the last block" if _equal(end, last) else ""
        return Check(name, None, f"the model has none{raw}")
    norms = [call for call in calls if call.module is parts.final_norm]
    path = parts.final_norm_path
    if end is None or not norms:
        return Check(name, False, f"{path} is not called after the last block")
    if not _equal(norms[-1].stream, end):
        return Check(name, False, f"{path} does not get the output of the last block")
    if last is None or _equal(norms[-1].output, last):
        what = "hidden_states[-1]" if last is not None else "the end, there are no hidden_states"
        return Check(name, True, f"{path} of the last block's output is {what}")
    if _equal(end, last):
        return Check(
            name, True, f"{path} gets the last block's output, which is hidden_states[-1], not normalised"
        )
    return Check(
        name, True, f"{path} gets the last block's output; hidden_states[-1] is something else again"
    )


def _zero_edit(probe: _Probe, chain: Chain) -> Check:
    return _edited(probe, chain, "zero edit")


def _edited(probe: _Probe, chain: Chain, name: str) -> Check:
    if not chain.calls or chain.calls[0].stream is None:
        return Check(name, None, "no stream to edit")
    plain = probe.logits()
    modules = list(dict.fromkeys(call.module for call in chain.calls))
    with quiet_hooks([(module, _adding(None)) for module in modules]):
        same = torch.equal(plain, probe.logits())
    return Check(name, same, f"the logits {'are the same bit for bit' if same else 'move'}")


def _edit(probe: _Probe, chain: Chain) -> Check:
    """An edit at the first, the middle and the last block, and the same one at the output of the block before."""
    name = "edit"
    if not chain.calls or chain.calls[0].stream is None:
        return Check(name, None, "no stream to edit")
    plain, modules = probe.logits(), list(dict.fromkeys(call.module for call in chain.calls))
    moved = []
    for place in sorted({0, len(modules) // 2, len(modules) - 1}):
        stream = next(call.stream for call in chain.calls if call.module is modules[place])
        assert stream is not None
        generator = torch.Generator().manual_seed(place)
        vector = torch.randn(stream.shape[-1], generator=generator).to(stream) * stream.std()
        with quiet_hooks([(modules[place], _adding(vector))]):
            edited = probe.logits()
        moved.append((edited - plain).abs().max().item())
        if not moved[-1] > 0:
            return Check(name, False, f"a vector added at block {place} does not move the logits")
        if place > 0:
            with quiet_hooks([], [(modules[place - 1], _adding(vector, at_output=True))]):
                before = probe.logits()
            if not torch.equal(edited, before):
                what = f"an edit of block {place}'s input and of block {place - 1}'s output differ"
                return Check(name, False, what)
    return Check(name, True, "the logits move, and alike for an edit at the output of the block before")


def _adding(vector: Tensor | None, *, at_output: bool = False) -> Callable[..., Any]:
    def at_end(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        stream = read_output(output)
        return replace_output(output, stream.clone() if vector is None else stream + vector)

    def at_start(module: nn.Module, args: Any, kwargs: Any) -> Any:
        stream = read_input(args, kwargs)
        return replace_input(args, kwargs, stream.clone() if vector is None else stream + vector)

    return at_end if at_output else at_start


def _generate(probe: _Probe, chain: Chain, wanted: bool) -> Check:
    name = "calls in generate"
    if not wanted or not hasattr(probe.model, "generate"):
        return Check(name, None, "not asked for" if not wanted else "the model has no generate()")
    counts = {id(module): 0 for module in probe.parts.blocks}

    def count(module: nn.Module, args: Any, kwargs: Any) -> None:
        counts[id(module)] += 1

    settings = {
        "max_new_tokens": NEW_TOKENS,
        "min_new_tokens": NEW_TOKENS,
        "do_sample": False,
        "num_beams": 1,
    }
    generate: Any = probe.model.generate
    try:
        with quiet_hooks([(module, count) for module in probe.parts.blocks]):
            generate(probe.ids, attention_mask=torch.ones_like(probe.ids), use_cache=True, **settings)
    except Exception as error:  # whatever a model's own generate raises is what we report
        return Check(name, None, f"generate() does not run: {type(error).__name__}: {error}".splitlines()[0])
    per_pass = [sum(call.module is module for call in chain.calls) for module in probe.parts.blocks]
    wrong = {
        index: counts[id(module)]
        for index, (module, each) in enumerate(zip(probe.parts.blocks, per_pass, strict=True))
        if counts[id(module)] != each * NEW_TOKENS
    }
    if wrong:
        index, seen = next(iter(wrong.items()))
        return Check(
            name, False, f"block {index} was called {seen} times, expected {per_pass[index] * NEW_TOKENS}"
        )
    most = max(per_pass, default=0) * NEW_TOKENS
    return Check(name, most > 0, f"{most} calls a block for {NEW_TOKENS} tokens")


def _shape_words(call: Call, probe: _Probe) -> str:
    """A shape such as "[batch, seq, d_model]"; another size than these is given by how it differs."""
    if call.stream is None:
        return "none"
    left = {"batch": probe.ids.shape[0], "seq": probe.ids.shape[1], "d_model": probe.parts.d_model}
    shape = list(call.stream.shape)
    words = ["" for _ in shape]
    for name, size in list(left.items())[::-1]:
        free = [i for i, found in enumerate(shape) if found == size and not words[i]]
        if free:
            usual = {"batch": 0, "seq": 1, "d_model": len(shape) - 1}[name]
            words[usual if usual in free else free[-1] if name != "batch" else free[0]] = name
            del left[name]
    for index, size in enumerate(shape):
        if words[index]:
            continue
        words[index] = str(size)
        for name in ("d_model", "seq"):
            if len(shape) == 3 and name in left and index == (2 if name == "d_model" else 1):
                many, rest = divmod(size, left[name])
                words[index] = (
                    f"{many}*{name}"
                    if rest == 0
                    else f"seq + {size - left[name]}"
                    if name == "seq"
                    else str(size)
                )
    return f"[{', '.join(words)}]"


def _reason(checks: list[Check], chain: Chain, shape: str, probe: _Probe) -> str:
    """Why the stream cannot be addressed as one; empty where it can."""
    if chain.trouble:
        return chain.trouble
    if shape != "[batch, seq, d_model]":
        return f"the blocks carry {shape} instead of one [batch, seq, d_model]"
    if chain.second:
        return "a second stream of the same shape goes from block to block beside the first"
    if chain.cycles > 1:
        return f"each block runs {chain.cycles} times in one pass, so a layer is not one place of the stream"
    failed = [check for check in checks if check.name in ("zero edit", "edit") and check.passed is False]
    return failed[0].detail if failed else ""


def _sums(probe: _Probe, chain: Chain, reason: str) -> tuple[list[tuple[Sum, bool | None]], str]:
    """The terms and the mid stream of one block of each structure, and the kind that follows from them."""
    examples: dict[tuple[str, ...], nn.Module] = {}
    for module in dict.fromkeys(call.module for call in chain.calls):
        examples[tuple(name for name, _ in module.named_children())] = module
    sums = [(block_sum(block, probe.run), _mid_stream(block, probe)) for block in examples.values()]
    kinds = list(dict.fromkeys(_kind(found, middle) for found, middle in sums))
    first = chain.calls[0].stream if chain.calls else None
    wide = first is not None and (first.ndim > 3 or first.shape[-1] > probe.parts.d_model)
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


def _mid_stream(block: nn.Module, probe: _Probe) -> bool | None:
    """Whether what the MLP gets moves when the attention is silenced."""
    mixer = next(named_parts(block, ATTENTION_NAMES), None) or next(named_parts(block, MIXER_NAMES), None)
    mlp = next(named_parts(block, MLP_NAMES), None)
    if mixer is None or mlp is None or mixer[1] is mlp[1]:
        return None

    def silence(module: nn.Module, args: Any, kwargs: Any, output: Any) -> Any:
        return replace_output(output, torch.zeros_like(read_output(output)))

    plain, _ = record([mlp[1]], probe.run)
    with quiet_hooks([], [(mixer[1], silence)]):
        silenced, _ = record([mlp[1]], probe.run)
    if not plain or not silenced:
        return None
    return not _equal(plain[0].stream, silenced[0].stream)


def _equal(one: Tensor | None, other: Tensor | None) -> bool:
    return one is not None and other is not None and one.shape == other.shape and torch.equal(one, other)


def _random_ids(model: nn.Module, parts: ModelMap) -> Tensor:
    """Token ids `[batch, seq]`, the same each time, none of them a special token of the config."""
    weight = next(parts.embedding.parameters())
    host = text_host(model)
    sizes = [getattr(config, "vocab_size", None) for config in (host.config, text_config(host))]
    vocab = min(size for size in [weight.shape[0], *sizes] if isinstance(size, int) and size > 0)
    special = _special_tokens(host.config.to_dict())
    allowed = torch.tensor([token for token in range(vocab) if token not in special] or range(vocab))
    picked = torch.randint(len(allowed), (BATCH, SEQ), generator=torch.Generator().manual_seed(0))
    return allowed[picked].to(weight.device)


def _special_tokens(config: Any) -> set[int]:
    if not isinstance(config, dict):
        return set()
    found: set[int] = set()
    for name, value in config.items():
        if str(name).endswith(("_token_id", "_token_index", "_token_ids")):
            found.update(
                token for token in (value if isinstance(value, list) else [value]) if isinstance(token, int)
            )
        found |= _special_tokens(value)
    return found
