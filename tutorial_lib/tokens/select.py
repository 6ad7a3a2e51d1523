"""Which tokens an edit touches, said once for a batch of prompts and all that is generated from it.

    selection = select_last(batch) | select_generated(batch)
    with add_hooks(add_vector_to_residual_stream(model, 2, vector, positions=selection)):
        model.generate(**batch)

A selection is fixed: a token is touched or it is not, in whichever call of the model it is computed. So
the text is the same with and without a cache, with the prompt in chunks, under beams and guessed tokens.
`tracking` finds the selected tokens in each call, `text` selects words and shows a selection.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor

from tutorial_lib.arguments import Positions, check_positions
from tutorial_lib.tokens.selection import TokenSelection

# What a tokenizer returned (a BatchEncoding is a Mapping to us), or the token ids alone.
Batch: TypeAlias = Mapping[str, Any] | Tensor


def select_all(batch: Batch, *, attention_mask: Tensor | None = None) -> TokenSelection:
    """Every token: the prompts and all that is generated.

    Args:
        batch: what the tokenizer returned with `return_tensors="pt"`, or input ids `[batch, seq]`.
        attention_mask: `[batch, seq]`, 0 at padding, if `batch` is a tensor; without one nothing is padding.

    Returns:
        The selection, which holds copies of the ids and of the mask `[batch, seq]`.

    Raises:
        TypeError: a batch of another type, or without tensors in it.
        ValueError: ids or a mask of a wrong shape; a mask that holds other numbers than 0 and 1; a row that
            is all padding.
    """
    return _made(batch, attention_mask, prompt=True, generated=True)


def select_prompt(batch: Batch, *, attention_mask: Tensor | None = None) -> TokenSelection:
    """The prompts, nothing that is generated.

    Args:
        batch: as in `select_all`.
        attention_mask: as in `select_all`.

    Returns:
        The selection: every token of `[batch, seq]` that is not padding.

    Raises:
        TypeError, ValueError: as for `select_all`.
    """
    return _made(batch, attention_mask, prompt=True, generated=False)


def select_generated(
    batch: Batch,
    which: Positions | None = None,
    *,
    with_last_prompt_token: bool = False,
    attention_mask: Tensor | None = None,
) -> TokenSelection:
    """What is generated, without the prompts.

    Args:
        batch: as in `select_all`.
        which: an int, ints or a slice counted from 0, the first generated token; None for all of them.
        with_last_prompt_token: also the last token of each prompt. The first generated token is predicted
            there, so this is every place whose prediction becomes text.
        attention_mask: as in `select_all`.

    Returns:
        The selection: the same generated tokens in each row of the batch.

    Raises:
        ValueError: besides those of `select_all`, a negative number: how much will be generated is not
            known; a slice without an end and with a step.
        TypeError: numbers of a wrong type.
    """
    made = _made(batch, attention_mask, prompt=False, generated=False)
    wanted = _generated_row(slice(None) if which is None else check_positions(which))
    made = made.with_masks(made.prompt_mask, wanted.expand(len(made.input_ids), -1))
    if with_last_prompt_token:
        made |= select_last(made.input_ids, attention_mask=made.attention_mask)
    return made


def select_last(batch: Batch, *, attention_mask: Tensor | None = None) -> TokenSelection:
    """The last token of each prompt, whatever side the padding is on. As `select_at(batch, -1)`.

    Args:
        batch: as in `select_all`.
        attention_mask: as in `select_all`.

    Returns:
        The selection: one token in each row of `[batch, seq]`.

    Raises:
        TypeError, ValueError: as for `select_all`.
    """
    return select_at(batch, -1, attention_mask=attention_mask)


def select_at(
    batch: Batch, positions: Positions | Sequence[Positions], *, attention_mask: Tensor | None = None
) -> TokenSelection:
    """Tokens of the prompts by their number, padding not counted.

    Args:
        batch: as in `select_all`.
        positions: an int, ints, a slice or a 1-D tensor for all rows alike, or a sequence with one of these
            for each row. 0 is the first token of a row that is not padding, -1 the last one of its prompt.
            An empty list selects nothing in its row.
        attention_mask: as in `select_all`.

    Returns:
        The selection: tokens of the prompts alone.

    Raises:
        ValueError: besides those of `select_all`, a number that a row does not have, or another number of
            rows.
        TypeError: numbers of a wrong type.
    """
    made = _made(batch, attention_mask, prompt=False, generated=False)
    mask = torch.zeros_like(made.attention_mask)
    for row, (wanted, real) in enumerate(
        zip(_by_row(positions, len(mask)), made.attention_mask, strict=True)
    ):
        columns = real.nonzero()[:, 0]
        n = len(columns)
        if not isinstance(wanted, slice):
            wanted = [wanted] if isinstance(wanted, int) else list(wanted)
            for position in wanted:
                if not -n <= position < n:
                    raise ValueError(
                        f"position {position} is out of range: row {row} has {n} tokens without its padding, "
                        f"so {-n} to {n - 1} are allowed"
                    )
        mask[row, columns[wanted]] = True
    return made.with_masks(mask, made.generated_mask)


def select_rows(
    batch: Batch, rows: int | Iterable[int], *, attention_mask: Tensor | None = None
) -> TokenSelection:
    """Some rows of the batch, their prompts and all that is generated from them.

        select_last(batch) & select_rows(batch, [0, 2])

    Args:
        batch: as in `select_all`.
        rows: an int or ints, negative ones from the end. With beams or several returned sequences a row
            stands for all that is generated from its prompt.
        attention_mask: as in `select_all`.

    Returns:
        The selection: all of these rows, nothing of the others.

    Raises:
        ValueError: besides those of `select_all`, a row that the batch does not have.
        TypeError: rows of a wrong type.
    """
    made = _made(batch, attention_mask, prompt=True, generated=True)
    n = len(made.input_ids)
    listed = check_positions(rows if isinstance(rows, (int, slice, Tensor)) else list(rows))
    if isinstance(listed, slice):
        listed = list(range(n)[listed])
    chosen = torch.zeros(n, 1, dtype=torch.bool, device=made.input_ids.device)
    for row in [listed] if isinstance(listed, int) else listed:
        if not -n <= row < n:
            raise ValueError(f"row {row} is out of range: the batch has {n} rows, use {-n} to {n - 1}")
        chosen[row] = True
    return made.with_masks(made.prompt_mask & chosen, made.generated_mask & chosen)


def select_mask(batch: Batch, mask: Tensor, *, attention_mask: Tensor | None = None) -> TokenSelection:
    """The tokens of the prompts where a mask is True, padding left out.

        select_mask(batch, batch["input_ids"] == tokenizer.convert_tokens_to_ids("."))

    Args:
        batch: as in `select_all`.
        mask: `[batch, seq]`, bool.
        attention_mask: as in `select_all`.

    Returns:
        The selection: tokens of the prompts alone.

    Raises:
        TypeError: a mask that is no tensor of bool.
        ValueError: besides those of `select_all`, a mask of another shape.
    """
    made = _made(batch, attention_mask, prompt=False, generated=False)
    if not isinstance(mask, Tensor) or mask.dtype != torch.bool:
        kind = mask.dtype if isinstance(mask, Tensor) else type(mask).__name__
        raise TypeError(f"mask must be a tensor of bool, got {kind}")
    if mask.shape != made.input_ids.shape:
        raise ValueError(
            f"mask must have the shape of the input ids, {tuple(made.input_ids.shape)}, "
            f"got {tuple(mask.shape)}"
        )
    return made.with_masks(mask, made.generated_mask)


def _made(batch: Batch, attention_mask: Tensor | None, *, prompt: bool, generated: bool) -> TokenSelection:
    """A selection of whole prompts or of nothing in them, its tensors copies of those given."""
    ids: Any = batch
    if isinstance(batch, Mapping):
        if attention_mask is not None:
            raise TypeError("attention_mask goes with input ids; what the tokenizer returned has its own")
        ids, attention_mask = batch["input_ids"], batch.get("attention_mask")
    if not isinstance(ids, Tensor) or ids.is_floating_point() or ids.dtype == torch.bool:
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise TypeError(
            "batch must be what the tokenizer returned, or its input ids [batch, seq] as a tensor, got "
            f'{kind}; tokenizer(texts, return_tensors="pt", padding=True) gives tensors'
        )
    if ids.ndim != 2 or ids.numel() == 0:
        hint = "; input_ids[None] adds the batch dimension" if ids.ndim == 1 else ""
        raise ValueError(f"input ids must have the shape [batch, seq], got {tuple(ids.shape)}{hint}")
    mask = torch.ones_like(ids) if attention_mask is None else attention_mask
    if not isinstance(mask, Tensor) or mask.shape != ids.shape:
        found = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise ValueError(
            f"attention_mask must have the shape of the input ids, {tuple(ids.shape)}, got {found}"
        )
    if not ((mask == 0) | (mask == 1)).all():
        raise ValueError("attention_mask must be 1 at tokens and 0 at padding, but holds other numbers")
    real = mask.to(ids.device, torch.bool, copy=True)
    if not real.any(dim=1).all():
        raise ValueError(f"row {int((~real.any(dim=1)).nonzero()[0])} of the batch is all padding")
    later = torch.full((len(ids), 1), generated, device=ids.device)
    return TokenSelection(
        ids.detach().clone(), real, real.clone() if prompt else torch.zeros_like(real), later
    )


def _generated_row(which: Positions) -> Tensor:
    """The one row `[1, n + 1]` of a `generated_mask`."""
    if isinstance(which, slice):
        bounds = [value for value in (which.start, which.stop) if value is not None]
        step = 1 if which.step is None else which.step
        if any(bound < 0 for bound in bounds) or step < 1 or (which.stop is None and step != 1):
            raise ValueError(
                f"generated tokens are counted from 0 and their number is not known before: {which} needs "
                "bounds of at least 0 and, with a step, an end"
            )
        listed = list(range(which.start or 0, 0 if which.stop is None else which.stop, step))
        n = max(bounds, default=0)
    else:
        listed = [which] if isinstance(which, int) else [int(number) for number in which]
        if any(number < 0 for number in listed):
            raise ValueError(
                f"generated tokens are counted from 0, got {min(listed)}; how many there will be is not "
                "known before, so they cannot be counted from the end"
            )
        n = max(listed, default=-1) + 1
    row = torch.zeros(1, n + 1, dtype=torch.bool)
    row[0, listed] = True
    row[0, -1] = isinstance(which, slice) and which.stop is None
    return row


def _by_row(positions: Any, n_rows: int) -> list[Positions]:
    """Positions for each row, from some for all rows or from a sequence with some for each."""
    if isinstance(positions, Tensor) and positions.ndim == 2:
        positions = list(positions)
    several = (list, tuple, range, slice, Tensor)
    if not isinstance(positions, (list, tuple)) or not any(isinstance(each, several) for each in positions):
        return [check_positions(positions)] * n_rows
    if len(positions) != n_rows:
        raise ValueError(f"positions were given for {len(positions)} rows, but the batch has {n_rows}")
    return [check_positions(each) for each in positions]
