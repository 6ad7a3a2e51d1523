"""Which terms sum to what a block returns: measured on the block's own numbers, not read from its names.

The outputs of the modules inside a block are fitted to the block's output, y = a x + c1 o1 + c2 o2 ...; where
the stream passes through unchanged, x is among the terms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.architecture.blocks import is_norm
from tutorial_lib.verify.recording import Call, record

DEPTHS = (1, 2, 3)  # how far inside the block the modules may be
TOLERANCE = 4  # what a sum may be off by for rounding, in units of the precision of the dtype
# A module is a term if the sum without it is off by more than this factor. Rounding hides small terms in
# bfloat16 from any fixed tolerance, but not from the comparison.
WORSE = 1.05


@dataclass(frozen=True)
class Sum:
    """The terms of one block's output.

    Attributes:
        text: the sum in words, such as "input + self_attn + mlp".
        through: whether the input is one of the terms: the identity path of the residual stream.
        writers: the names of the modules whose outputs are the other terms, in the order of their calls.
        normed: whether each writer is a norm (sandwich blocks).
        found: False where no sum of the modules' outputs gives the block's output.
    """

    text: str
    through: bool
    writers: tuple[str, ...]
    normed: bool
    found: bool


def block_sum(block: nn.Module, run: Callable[[], Any]) -> Sum:
    """Measures the terms of a block's output, in one run of the model.

    Args:
        block: a transformer block that is called with `[batch, seq, d_model]`.
        run: runs the model.
    """
    names = {id(module): name for name, module in block.named_modules()}
    calls, _ = record(block.modules(), run)
    whole = next((call for call in calls if call.module is block), None)
    if whole is None or whole.stream is None or whole.output is None:
        return Sum("not found: the block got or returned no tensor", False, (), False, False)
    stream, output = whole.stream, whole.output
    if stream.shape != output.shape:
        return Sum("not found: the block returns another shape than it gets", False, (), False, False)
    inside = [call for call in calls[calls.index(whole) + 1 :] if call.module is not block]
    inside = [call for call in inside if 0 <= call.ended < whole.ended]
    shaped = [(names[id(call.module)], call) for call in inside if _fits(call, output)]
    best: tuple[float, list[tuple[str, Call, float]]] | None = None
    for depth in DEPTHS:
        candidates = [item for item in _distinct(shaped, stream, depth) if not _same(item[1].output, output)]
        fit = _fit(stream, output, candidates)
        if fit is not None and (best is None or (fit[0] != 0 and best[0] == 0)):
            best = fit
        if best is not None and best[0] != 0:
            break
    return _in_words(best, shaped, output)


def _fits(call: Call, output: Tensor) -> bool:
    """Whether what a module returned has the size of the stream (some see it as `[batch * seq, d_model]`)."""
    found = call.output
    return found is not None and found.numel() == output.numel() and found.shape[-1] == output.shape[-1]


def _distinct(shaped: list[tuple[str, Call]], stream: Tensor, depth: int) -> Iterator[tuple[str, Call]]:
    """The modules at one depth, and those above it that have none inside; equal outputs once."""
    seen: list[Tensor] = [stream.flatten()]
    parents = {name.rpartition(".")[0] for name, _ in shaped}
    for name, call in sorted(shaped, key=lambda item: next(item[1].module.parameters(), None) is None):
        level = name.count(".") + 1
        if level != depth and not (level < depth and name not in parents):
            continue
        assert call.output is not None
        flat = call.output.flatten()
        if flat.any() and not any(torch.equal(flat, other) for other in seen):
            seen.append(flat)
            yield name, call


def _fit(
    stream: Tensor, output: Tensor, candidates: list[tuple[str, Call]]
) -> tuple[float, list[tuple[str, Call, float]]] | None:
    """The weight of the input and the weighted modules that give the output; None if none do.

    Backward elimination: modules are dropped one by one as long as the rest still gives the output.
    """
    target = output.flatten().double()
    limit = TOLERANCE * torch.finfo(output.dtype).eps * target.square().mean().sqrt().item()

    def solve(items: list[tuple[str, Call]], through: bool) -> tuple[float, Tensor]:
        columns = [stream.flatten()] if through else []
        columns += [call.output.flatten() for _, call in items if call.output is not None]
        if not columns:
            return float("inf"), torch.zeros(0)
        matrix = torch.stack(columns, dim=1).double()
        weights = torch.linalg.lstsq(matrix, target[:, None], driver="gelsd").solution[:, 0]
        return (matrix @ weights - target).square().mean().sqrt().item(), weights

    # First without the modules that carry the stream along: where the input itself does, they are no terms.
    for kept in ([item for item in candidates if not _carries(item[1], stream)], candidates):
        error, weights = solve(kept, True)
        if error <= limit:
            break
    else:
        return None
    limit = min(limit, WORSE * error + 1e-12 * limit)
    # The small ones go first, which merely feed others: what is left are the modules that write.
    for item in sorted(kept, key=lambda item: _size(item, kept, weights[1:])):
        fewer = [other for other in kept if other is not item]
        if solve(fewer, True)[0] <= limit:
            kept = fewer
    use_stream = solve(kept, False)[0] > limit
    _, weights = solve(kept, use_stream)
    through = weights[0].item() if use_stream else 0.0
    rest = weights[1:] if use_stream else weights
    return through, [(name, call, weight) for (name, call), weight in zip(kept, rest.tolist(), strict=True)]


def _carries(call: Call, stream: Tensor) -> bool:
    """Whether an output is mostly the stream itself: a norm of it, or the stream after the attention."""
    assert call.output is not None
    cosine = torch.cosine_similarity(call.output.flatten().double(), stream.flatten().double(), dim=0)
    return abs(cosine.item()) > 0.5


def _size(item: tuple[str, Call], items: list[tuple[str, Call]], weights: Tensor) -> float:
    place = next(i for i, other in enumerate(items) if other is item)
    assert item[1].output is not None
    return abs(weights[place].item()) * item[1].output.abs().max().item()


def _in_words(
    fit: tuple[float, list[tuple[str, Call, float]]] | None, shaped: list[tuple[str, Call]], output: Tensor
) -> Sum:
    norm = next((n for n, call in shaped if is_norm(call.module) and _same(call.output, output)), None)
    if norm is not None and (fit is None or fit[0] == 0):
        text = f"none: the stream itself is normalised (the output is that of {norm})"
        return Sum(text, False, (norm,), True, True)
    last = next((name for name, call in shaped if _same(call.output, output)), None)
    if fit is None and last is not None:
        return Sum(f"none: the output is that of {last}", False, (last,), False, True)
    if fit is None:
        return Sum("not found: no sum of what the modules inside return", False, (), False, False)
    through, terms = fit
    terms = sorted(terms, key=lambda term: term[1].ended)
    writers = tuple(name for name, _, _ in terms)
    words = [(_composed(name, call, shaped), weight) for name, call, weight in terms]
    text = _sum_text(through, words, 1 if torch.finfo(output.dtype).eps > 1e-4 else 3)
    # A new xLSTM returns zeros from its MLPs until it is trained.
    silent = [name for name, call in shaped if "." not in name and _is_silent(call)]
    text += "".join(f" + {name} (zero here)" for name in silent)
    writers += tuple(silent)
    if through == 0:
        text = f"none: the stream itself is normalised or replaced (the output is {text})"
    return Sum(text, through != 0, writers, bool(terms) and all(is_norm(c.module) for _, c, _ in terms), True)


def _is_silent(call: Call) -> bool:
    weighty = next(call.module.parameters(), None) is not None
    return weighty and call.output is not None and not call.output.any()


def _composed(name: str, call: Call, shaped: list[tuple[str, Call]]) -> str:
    """A norm is shown with the module whose output it normalises."""
    if not is_norm(call.module) or call.stream is None:
        return name
    sources = [other for other, c in shaped if c is not call and _same(c.output, call.stream)]
    return f"{name}({min(sources, key=lambda other: other.count('.'))})" if sources else name


def _sum_text(through: float, words: list[tuple[str, float]], digits: int) -> str:
    parts = [_times(_number(through, digits), "input")] if through else []
    groups: dict[str, list[str]] = {}
    for word, weight in words:
        groups.setdefault(_number(weight, digits), []).append(word)
    for shown, names in groups.items():
        if shown == "1":
            parts += names
        else:
            parts.append(f"{shown}*{names[0]}" if len(names) == 1 else f"{shown}*({' + '.join(names)})")
    return " + ".join(parts).replace("+ -", "- ")


def _times(number: str, word: str) -> str:
    return word if number == "1" else f"{number}*{word}"


def _number(weight: float, digits: int) -> str:
    return f"{round(weight, digits):g}"


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    return (
        one is not None
        and other is not None
        and one.numel() == other.numel()
        and torch.equal(one.flatten(), other.flatten())
    )
