"""Find the selected tokens in each call of a model, however the model is run.

`generate` calls a model with a whole text, a chunk of it, one new token or several guessed ones, and with
several rows for each prompt. What stands in the first column of a call is known by the cache, which the
decoder gets and its blocks need not. So a tracker is a pre-hook on the decoder that leaves start, rows and
columns of the call for the edits in the blocks.
"""

import inspect
import threading
import weakref
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from tutorial_lib.architecture.stream import Stream
from tutorial_lib.hooks import HookPair, wants_kwargs
from tutorial_lib.tokens.selection import TokenSelection

# Where decoders take what they remember of earlier calls: caches that can be asked, and others.
CACHES = ("past_key_values", "cache_params")
OTHER_MEMORIES = ("state", "mems", "cache", "past_buckets_states")


class _Call(NamedTuple):
    start: int
    rows: int
    columns: int


class TokenTracker:
    """The state between the pre-hook on a decoder and the edits in its blocks, for one selection.

    Raises:
        ValueError: no part of the model around its blocks takes input ids.
    """

    def __init__(self, stream: Stream, selection: TokenSelection) -> None:
        self._decoder = _decoder(stream)
        self._host = stream.host
        # On the CPU, so that an accelerator need not be waited for to know that a call touches nothing.
        self._selection = selection.to("cpu")
        # By thread, so that two threads in one model do not read each other's. A tuple each, no tensor.
        self._calls: dict[int, _Call] = {}
        # Tokens that passed with a cache that does not count them itself (state-space models).
        self._counts: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()
        self._saw_prompt = False

    def pair(self) -> HookPair:
        """The (decoder, pre-hook) for `add_hooks`, to be put on before the hooks that ask `touched`."""
        names = list(inspect.signature(type(self._decoder).forward).parameters)[1:]

        @wants_kwargs
        def find_tokens(module: nn.Module, args: Any, kwargs: Any = None) -> None:
            # Nothing of an earlier call is left if this one fails.
            self._calls.pop(threading.get_ident(), None)
            self._see({**dict(zip(names, args, strict=False)), **(kwargs or {})})

        return self._decoder, find_tokens

    def touched(self, stream: Tensor) -> Tensor | None:
        """Which tokens of the call that is running are selected.

        Args:
            stream: `[batch, seq, d_model]`, what a module inside the decoder got or returned in this call.

        Returns:
            `[batch, seq]`, bool, on the device of the stream; None if no token is selected.

        Raises:
            RuntimeError: the tracker's own hook did not run before.
            ValueError: the stream has not the rows and columns of the call.
        """
        call = self._calls.get(threading.get_ident())
        if call is None and len(self._calls) == 1:
            # Recomputing a checkpoint in a backward pass may happen in a thread of autograd's own.
            (call,) = self._calls.values()
        if call is None:
            raise RuntimeError(
                "an edit at selected tokens needs its partner on the decoder, which has seen no call: give "
                "add_hooks all pairs that the function returned, and run the model, not a block alone"
            )
        if stream.ndim != 3 or stream.shape[:2] != (call.rows, call.columns):
            raise ValueError(
                f"selected tokens need a stream [batch, seq, d_model] of the call's {call.rows} rows and "
                f"{call.columns} tokens, but this one has the shape {tuple(stream.shape)}"
            )
        mask = self._selection.mask(call.start, call.columns)
        if not mask.any():
            return None
        return mask.repeat_interleave(call.rows // len(mask), dim=0).to(stream.device)

    def _see(self, given: dict[str, Any]) -> None:
        ids, embeds = given.get("input_ids"), given.get("inputs_embeds")
        source = embeds if ids is None else ids
        if not isinstance(source, Tensor) or source.ndim < 2:
            raise ValueError("selected tokens need a call with input_ids [batch, seq] or inputs_embeds")
        call = _Call(self._start(given, source), *source.shape[:2])
        n_prompts = len(self._selection.input_ids)
        if call.rows % n_prompts:
            raise ValueError(
                f"the selection is for {n_prompts} prompts, but this call has {call.rows} rows, which is no "
                f"multiple of {n_prompts}"
            )
        self._check_prompt(call, ids, embeds)
        self._calls[threading.get_ident()] = call

    def _start(self, given: dict[str, Any], source: Tensor) -> int:
        """The column of the text that stands first in this call."""
        columns = source.shape[1]
        cache = next((given[name] for name in CACHES if given.get(name) is not None), None)
        if isinstance(cache, (tuple, list)):  # of (keys, values) [batch, heads, seq, d_head], transformers 4
            start = int(cache[0][0].shape[-2])
        elif cache is not None:
            return self._held_by(cache, columns)
        else:
            start = 0
            for name in OTHER_MEMORIES:
                if given.get(name) is not None:
                    raise ValueError(
                        f"this model remembers earlier tokens in {name!r}, which does not tell how many, so "
                        "it cannot be told which tokens this call has; run it with use_cache=False"
                    )
        mask = given.get("attention_mask")
        if isinstance(mask, Tensor) and mask.shape[-1] != start + columns:
            raise ValueError(
                f"this call has {columns} tokens after {start} in its cache, but an attention mask for "
                f"{mask.shape[-1]}: what came before is kept where it cannot be counted (or the mask is "
                "wrong), so it cannot be told which tokens these are; run it with use_cache=False"
            )
        return start

    def _held_by(self, cache: Any, columns: int) -> int:
        try:
            return int(cache.get_seq_length())
        except (AttributeError, ValueError):  # the cache of a state-space model keeps a state, not tokens
            pass
        count = 0 if _is_empty(cache) else self._counts.get(cache)
        if count is None:
            raise ValueError(
                f"a {type(cache).__name__} that may have been used before does not tell how many tokens it "
                "has seen: put the hooks on before its first call, or run the model with use_cache=False"
            )
        self._counts[cache] = count + columns
        return count

    def _check_prompt(self, call: _Call, ids: Tensor | None, embeds: Tensor | None) -> None:
        """Raises unless the call has, where it lies in the prompts, the prompts of the selection."""
        known = self._selection.input_ids[:, call.start : call.start + call.columns]
        if known.numel() == 0:
            if not self._saw_prompt:
                raise ValueError(
                    f"this call starts at column {call.start}, but the selection's prompts have "
                    f"{self._selection.input_ids.shape[1]} columns, of which none was seen before: make "
                    "the selection from the whole text and put the hooks on before it is read"
                )
            return
        expected = known.repeat_interleave(call.rows // len(known), dim=0)
        if ids is not None:
            differs = ids[:, : expected.shape[1]] != expected.to(ids.device)
        else:
            assert embeds is not None
            differs = self._differs(embeds[:, : expected.shape[1]], expected)
        if differs.any():
            row, column = differs.nonzero()[0].tolist()
            found = "other embeddings" if ids is None else f"{int(ids[row, column])}"
            raise ValueError(
                "the selection was made for another batch: at row "
                f"{row}, column {call.start + column} of the text it has token {int(expected[row, column])}, "
                f"this call has {found}"
            )
        self._saw_prompt = True

    def _differs(self, embeds: Tensor, expected: Tensor) -> Tensor:
        """Where embeddings `[rows, n, d_model]` are not those of the tokens `[rows, n]`."""
        embedding = self._host.get_input_embeddings()
        with torch.no_grad():
            # Not called as a module: the hooks that may be on it count the model's calls, not ours.
            own = embedding.forward(expected.to(embeds.device)).to(embeds)
        differs = ~torch.isclose(own, embeds).all(dim=-1)
        # Where a picture or a sound stands in the text, its features replace the embedding.
        for token in _placeholders(self._host.config):
            differs &= (expected != token).to(differs.device)
        return differs


def _decoder(stream: Stream) -> nn.Module:
    """The innermost module around the blocks that takes input ids, and with them the cache."""
    path = stream.path
    while path:
        path = path.rpartition(".")[0]
        module = stream.model.get_submodule(path)
        if "input_ids" in inspect.signature(type(module).forward).parameters:
            return module
    raise ValueError(
        f"{type(stream.model).__name__} has no module around its blocks whose forward takes input_ids, so it "
        "cannot be told which tokens a call has; use positions within each call, such as positions=-1"
    )


def _is_empty(cache: Any) -> bool:
    """Whether a cache that counts no tokens has seen none; False also if it cannot be told."""
    used = getattr(cache, "has_previous_state", None)
    if used is not None:
        return not (used() if callable(used) else used)
    states = getattr(cache, "conv_states", None)  # MambaCache of transformers 4
    return states is not None and len(states) > 0 and not bool(states[0].any())


def _placeholders(config: Any) -> Iterator[int]:
    for name, value in vars(config).items():
        if name.startswith(("image", "video", "audio")) and name.endswith(("_token_id", "_token_index")):
            yield value
