"""Tokens as text: select the tokens of a word, and show which tokens a selection touches."""

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from tutorial_lib.tokens.select import Batch, select_at
from tutorial_lib.tokens.selection import TokenSelection, describe_generated

Span = tuple[int, int]


def select_text(
    tokenizer: Any,
    batch: Batch,
    text: str | Sequence[str],
    *,
    occurrence: int | None = None,
    attention_mask: Tensor | None = None,
) -> TokenSelection:
    """The tokens of a word or another piece of the prompts.

        select_text(tokenizer, batch, "France")
        select_text(tokenizer, batch, ["France", "Peru"])  # one for each row

    Args:
        tokenizer: the one that made the batch.
        batch: what the tokenizer returned with `return_tensors="pt"`, or input ids `[batch, seq]`.
        text: what to look for in every row, or a list with a text for each row. Each token that has a part of
            it is selected, so "Fran" selects the whole of a token "France".
        occurrence: which one, 0 for the first in a row, -1 for the last; every one if None.
        attention_mask: `[batch, seq]`, if `batch` is a tensor.

    Returns:
        The selection: tokens of the prompts alone.

    Raises:
        ValueError: a row that does not have the text, or not that often; the message has the row's text.
        TypeError: a text or an occurrence of a wrong type.
    """
    made = select_at(batch, [], attention_mask=attention_mask)
    rows = len(made.input_ids)
    texts = [text] * rows if isinstance(text, str) else list(text)
    if not all(isinstance(each, str) and each for each in texts):
        raise TypeError(f"text must be a string that is not empty, or one for each row, got {text!r}")
    if len(texts) != rows:
        raise ValueError(f"{len(texts)} texts were given, but the batch has {rows} rows")
    if occurrence is not None and (isinstance(occurrence, bool) or not isinstance(occurrence, int)):
        raise TypeError(f"occurrence must be a whole number or None, got {occurrence!r}")
    positions = []
    for row, wanted in enumerate(texts):
        whole, spans = token_spans(tokenizer, made.input_ids[row][made.attention_mask[row]].tolist())
        found = [match.span() for match in re.finditer(re.escape(wanted), whole)]
        if not found:
            raise ValueError(f"{wanted!r} is not in row {row}, whose text is {whole!r}")
        if occurrence is not None:
            if not -len(found) <= occurrence < len(found):
                raise ValueError(
                    f"{wanted!r} is {len(found)} times in row {row}, so occurrence {occurrence} does not "
                    f"exist ({-len(found)} to {len(found) - 1} do); the row's text is {whole!r}"
                )
            found = [found[occurrence]]
        hit = [n for n, span in enumerate(spans) if any(_overlap(span, place) for place in found)]
        positions.append(hit)
    return select_at(made.input_ids, positions, attention_mask=made.attention_mask)


class Shown(str):
    """A text that a notebook or a prompt shows as `print` would, line by line."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def show_selection(
    tokenizer: Any,
    selection: TokenSelection,
    generated_ids: Tensor | None = None,
    *,
    marks: tuple[str, str] = ("[", "]"),
) -> str:
    """The texts, with a mark around each token that an edit at this selection touches.

        print(show_selection(tokenizer, selection, model.generate(**batch)))

    Args:
        tokenizer: the one that made the batch.
        selection: what to show.
        generated_ids: what `generate` returned, `[rows, seq + n]`, prompts included. The last token of a row
            was chosen and not yet read by the model, so no edit has touched it.
        marks: what stands before and after a touched token, if not brackets.

    Returns:
        A line for each row, such as "row 0: (padding: 1) <|bos|> The [capital] of | Peru": touched tokens are
        in brackets, and a bar stands before what was generated.

    Raises:
        ValueError: generated ids that do not start with the prompts of the selection.
        TypeError: a selection or generated ids of a wrong type.
    """
    if not isinstance(selection, TokenSelection):
        raise TypeError(f"selection must be a TokenSelection, got {type(selection).__name__}")
    n_prompts, seq = selection.input_ids.shape
    ids = selection.input_ids if generated_ids is None else _with_these_prompts(selection, generated_ids)
    copies, n_new = len(ids) // n_prompts, ids.shape[1] - seq
    lines = []
    for row in range(len(ids)):
        prompt = row // copies
        real = selection.attention_mask[prompt].tolist() + [True] * n_new
        touched = selection.mask(0, seq + n_new)[prompt].tolist()
        line = _marked(tokenizer, ids[row].tolist(), real, touched, seq, marks)
        if generated_ids is None:
            line += f"  (generated tokens: {describe_generated(selection.generated_mask[prompt])})"
        lines.append(f"row {row}: {line}")
    return Shown("\n".join(lines))


def token_spans(tokenizer: Any, ids: list[int]) -> tuple[str, list[Span]]:
    """The text of some tokens, and where in it each of them stands, (first character, last + 1)."""
    whole = _decode(tokenizer, ids)
    if getattr(tokenizer, "is_fast", False):
        again = tokenizer(whole, add_special_tokens=False, return_offsets_mapping=True)
        if again["input_ids"] == ids:
            return whole, [(start, end) for start, end in again["offset_mapping"]]
    # A slow tokenizer knows no offsets, and text is not always split as these ids are.
    spans: list[Span] = []
    start, waiting = 0, 0
    for n in range(1, len(ids) + 1):
        sofar = _decode(tokenizer, ids[:n])
        waiting += 1
        if whole.startswith(sofar) or n == len(ids):
            # Tokens that hold but a part of a character have their place with the last part.
            end = max(start, len(sofar))
            spans += [(start, end)] * waiting
            start, waiting = end, 0
    return whole, spans


def _decode(tokenizer: Any, ids: list[int]) -> str:
    text: str = tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
    return text


def _overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _marked(
    tokenizer: Any, ids: list[int], real: list[bool], touched: list[bool], seq: int, marks: tuple[str, str]
) -> str:
    """A row's text with marks. White space in front of a token stays in front of its mark."""
    tokens = [token for token, is_real in zip(ids, real, strict=True) if is_real]
    whole, spans = token_spans(tokenizer, tokens)
    ends = iter(spans)
    line, start, padding = "", 0, 0
    for column, is_real in enumerate(real):
        if is_real:
            end = max(start, next(ends)[1])
            piece = whole[start:end].replace("\n", "\\n")
            start = end
            if touched[column]:
                word = piece.lstrip() or piece
                piece = f"{piece[: len(piece) - len(word)]}{marks[0]}{word}{marks[1]}"
            line += f" |{piece}" if column == seq else piece
        else:
            padding += 1
            if column + 1 == len(real) or real[column + 1]:
                line += f" (padding: {padding}) "
                padding = 0
    return line.strip()


def _with_these_prompts(selection: TokenSelection, generated_ids: Any) -> Tensor:
    """The generated ids, if their rows start with the prompts, each prompt in as many rows."""
    if not isinstance(generated_ids, Tensor) or generated_ids.ndim != 2:
        found = (
            tuple(generated_ids.shape) if isinstance(generated_ids, Tensor) else type(generated_ids).__name__
        )
        raise TypeError(f"generated_ids must be what generate returned, [rows, seq + n], got {found}")
    n_prompts, seq = selection.input_ids.shape
    ids = generated_ids.to(selection.input_ids.device)
    copies = len(ids) // n_prompts
    if torch.equal(ids[:, :seq], selection.input_ids.repeat_interleave(copies, dim=0)):
        return ids
    raise ValueError(
        f"generated_ids must start with the selection's prompts {tuple(selection.input_ids.shape)}, each in "
        f"as many rows, but those given, {tuple(ids.shape)}, do not"
    )
