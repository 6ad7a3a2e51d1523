"""What a selection of tokens is: a mask over a batch of prompts and one over what is generated from it.

The functions of `select` make selections, `tracking` finds the selected tokens in each call of a
model, `text` selects by words and shows what is selected.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False, repr=False)
class TokenSelection:
    """Tokens of a batch of prompts and of what is generated from it. Made by the `select_` functions.

    Selections of one batch combine: `a | b`, `a & b`, and `~a`, which is every token but those of a.
    Padding is never selected. Compare what two of them select with `torch.equal` on their masks.

    Attributes:
        input_ids: `[batch, seq]`, the prompts with their padding.
        attention_mask: `[batch, seq]`, bool: which of them are tokens and not padding.
        prompt_mask: `[batch, seq]`, bool: the selected ones. `stream[selection.prompt_mask]` takes their part
            `[n_selected, d_model]` of a stream `[batch, seq, d_model]`, row after row.
        generated_mask: `[batch, n + 1]`, bool: which generated tokens are selected. Column i stands for the
            token generated as number i, counted from 0, the last column for all from number n on.
    """

    input_ids: Tensor
    attention_mask: Tensor
    prompt_mask: Tensor
    generated_mask: Tensor

    def mask(self, start: int, length: int) -> Tensor:
        """The selected ones `[batch, length]` among the columns from `start` on. Column seq + i of the text,
        padding included, holds the token generated as number i."""
        generated = max(0, start + length - self.input_ids.shape[1])
        whole = torch.cat([self.prompt_mask, _at_least(self.generated_mask, generated)], dim=1)
        return whole[:, start : start + length]

    def with_masks(self, prompt: Tensor, generated: Tensor) -> "TokenSelection":
        """The selection of the same batch with other masks, copied; padding is taken out of `prompt`."""
        device = self.input_ids.device
        prompt, generated = prompt.to(device) & self.attention_mask, generated.to(device).clone()
        return TokenSelection(self.input_ids, self.attention_mask, prompt, generated)

    def to(self, device: torch.device | str) -> "TokenSelection":
        """The selection with its tensors on another device. Edits do not need it: they move what they use."""
        tensors = (self.input_ids, self.attention_mask, self.prompt_mask, self.generated_mask)
        return TokenSelection(*(tensor.to(device) for tensor in tensors))

    def __or__(self, other: "TokenSelection") -> "TokenSelection":
        return self._combined(other, torch.logical_or)

    def __and__(self, other: "TokenSelection") -> "TokenSelection":
        return self._combined(other, torch.logical_and)

    def __invert__(self) -> "TokenSelection":
        return self.with_masks(~self.prompt_mask, ~self.generated_mask)

    def __repr__(self) -> str:
        chosen, real = int(self.prompt_mask.sum()), int(self.attention_mask.sum())
        rows = len(self.input_ids)
        generated = {describe_generated(mask) for mask in self.generated_mask}
        told = generated.pop() if len(generated) == 1 else "different ones in each row"
        return f"TokenSelection({chosen} of {real} prompt tokens in {rows} rows; generated tokens: {told})"

    def _combined(self, other: Any, both: Callable[[Tensor, Tensor], Tensor]) -> "TokenSelection":
        if not isinstance(other, TokenSelection):
            return NotImplemented  # type: ignore[no-any-return]
        same = torch.equal(self.input_ids, other.input_ids)
        if not same or not torch.equal(self.attention_mask, other.attention_mask):
            raise ValueError(
                "selections can be combined if they were made for the same batch; these are for batches of "
                f"the shapes {tuple(self.input_ids.shape)} and {tuple(other.input_ids.shape)}"
                + (" with other tokens or padding" if self.input_ids.shape == other.input_ids.shape else "")
            )
        length = max(self.generated_mask.shape[1], other.generated_mask.shape[1])
        generated = [_at_least(each.generated_mask, length) for each in (self, other)]
        return self.with_masks(both(self.prompt_mask, other.prompt_mask), both(*generated))


def describe_generated(mask: Tensor) -> str:
    """A row `[n + 1]` of a `generated_mask` in words: "all", "none", "0, 1, from 4 on"."""
    *first, later = mask.tolist()
    while first and first[-1] == later:
        first.pop()
    if not first:
        return "all" if later else "none"
    numbers = [str(number) for number, chosen in enumerate(first) if chosen]
    return ", ".join(numbers + ([f"from {len(first)} on"] if later else []))


def _at_least(generated: Tensor, length: int) -> Tensor:
    """A `generated_mask` with at least `length` columns, the last one still standing for all later tokens."""
    missing = max(0, length - generated.shape[1])
    return torch.cat([generated, generated[:, -1:].expand(-1, missing)], dim=1)
