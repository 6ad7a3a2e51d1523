"""Which terms sum to what a block returns: measured on the block's own numbers, not read from its names.

The outputs of the modules inside a block are fitted to the block's output, y = a x + c1 o1 + c2 o2 ...; where
the stream passes through unchanged, x is among the terms.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.observe import Call, record

DEPTHS = (1, 2, 3)  # how far inside the block the modules may be
TOLERANCE = 16  # in units of the dtype's precision at the size of the output


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
        candidates = list(_distinct(shaped, stream, depth))
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
    kept = list(candidates)
    use_stream = True
    limit = TOLERANCE * torch.finfo(output.dtype).eps * output.abs().max().item()

    def solve(items: list[tuple[str, Call]], through: bool) -> tuple[float, Tensor]:
        columns = [stream.flatten()] if through else []
        columns += [call.output.flatten() for _, call in items if call.output is not None]
        if not columns:
            return float("inf"), torch.zeros(0)
        matrix = torch.stack(columns, dim=1).double().cpu()
        target = output.flatten().double().cpu()
        weights = torch.linalg.lstsq(matrix, target[:, None], driver="gelsd").solution[:, 0]
        return (matrix @ weights - target).abs().max().item(), weights

    error, weights = solve(kept, use_stream)
    if error > limit:
        return None
    # Smallest contribution first, so that modules that merely feed others go before those that write.
    order = sorted(kept, key=lambda item: _size(item, kept, weights[1:]))
    for item in order:
        fewer = [other for other in kept if other is not item]
        if solve(fewer, use_stream)[0] <= limit:
            kept = fewer
    if solve(kept, False)[0] <= limit:
        use_stream = False
    _, weights = solve(kept, use_stream)
    through = weights[0].item() if use_stream else 0.0
    rest = weights[1:] if use_stream else weights
    return through, [(name, call, weight) for (name, call), weight in zip(kept, rest.tolist(), strict=True)]


def _size(item: tuple[str, Call], items: list[tuple[str, Call]], weights: Tensor) -> float:
    place = next(i for i, other in enumerate(items) if other is item)
    assert item[1].output is not None
    return abs(weights[place].item()) * item[1].output.abs().max().item()


def _in_words(
    fit: tuple[float, list[tuple[str, Call, float]]] | None, shaped: list[tuple[str, Call]], output: Tensor
) -> Sum:
    norm = next((n for n, call in shaped if _is_norm(call.module) and _same(call.output, output)), None)
    if norm is not None and (fit is None or fit[0] == 0):
        text = f"none: the stream itself is normalised (the output is that of {norm})"
        return Sum(text, False, (norm,), True, True)
    if fit is None:
        return Sum("not found: no sum of what the modules inside return", False, (), False, False)
    through, terms = fit
    terms = sorted(terms, key=lambda term: term[1].ended)
    writers = tuple(name for name, _, _ in terms)
    words = [(_composed(name, call, shaped), weight) for name, call, weight in terms]
    text = _sum_text(through, words)
    if through == 0:
        text = f"none: the stream itself is normalised or replaced (the output is {text})"
    return Sum(
        text, through != 0, writers, bool(terms) and all(_is_norm(c.module) for _, c, _ in terms), True
    )


def _composed(name: str, call: Call, shaped: list[tuple[str, Call]]) -> str:
    """A norm is shown with the module whose output it normalises."""
    if not _is_norm(call.module) or call.stream is None:
        return name
    sources = [other for other, c in shaped if c is not call and _same(c.output, call.stream)]
    return f"{name}({min(sources, key=lambda other: other.count('.'))})" if sources else name


def _sum_text(through: float, words: list[tuple[str, float]]) -> str:
    parts = [_times(through, "input")] if through else []
    groups: dict[str, list[str]] = {}
    for word, weight in words:
        groups.setdefault(_number(weight), []).append(word)
    for weight, names in groups.items():
        if weight == "1":
            parts += names
        else:
            parts.append(f"{weight}*{names[0]}" if len(names) == 1 else f"{weight}*({' + '.join(names)})")
    return " + ".join(parts).replace("+ -", "- ")


def _times(weight: float, word: str) -> str:
    return word if _number(weight) == "1" else f"{_number(weight)}*{word}"


def _number(weight: float) -> str:
    return f"{weight:.3g}"


def _is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower() and next(module.children(), None) is None


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    return (
        one is not None
        and other is not None
        and one.numel() == other.numel()
        and torch.equal(one.flatten(), other.flatten())
    )
