"""What a model is run on to verify it: a few tokens, and the names for the sizes that they give a stream."""

import random
from typing import Any

import torch
from torch import Tensor, nn

from tutorial_lib.activations import read_output
from tutorial_lib.architecture.hf import text_config, text_host
from tutorial_lib.architecture.model_map import ModelMap
from tutorial_lib.verify.recording import Call

BATCH, SEQ = 2, 8


class Trial:
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


def random_ids(model: nn.Module, parts: ModelMap) -> Tensor:
    """Token ids `[batch, seq]`, the same each time, none of them a special token of the config."""
    weight = next(parts.embedding.parameters())
    host = text_host(model)
    sizes = [getattr(config, "vocab_size", None) for config in (host.config, text_config(host))]
    vocab = min(size for size in [weight.shape[0], *sizes] if isinstance(size, int) and size > 0)
    special = _special_tokens(host.config.to_dict())
    allowed = torch.tensor([token for token in range(vocab) if token not in special] or range(vocab))
    shape = (BATCH * _rows_each(parts), SEQ)
    picked = torch.randint(len(allowed), shape, generator=torch.Generator().manual_seed(0))
    # Offloaded weights are on "meta" until they are needed; accelerate moves the tokens to where they are.
    return allowed[picked].to("cpu" if weight.is_meta else weight.device)


def _rows_each(parts: ModelMap) -> int:
    """How many rows of token ids are one row of the batch: MusicGen has one for each of its codebooks."""
    return len(parts.embedding) if isinstance(parts.embedding, nn.ModuleList) else 1


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


def shape_words(call: Call, trial: Trial) -> str:
    """A shape such as "[batch, seq, d_model]"; another size than these is given by how it differs."""
    if call.stream is None:
        return "none"
    shape = list(call.stream.shape)
    sizes = (trial.ids.shape[0] // _rows_each(trial.parts), trial.ids.shape[1], trial.parts.d_model)
    if len(shape) == 3 and shape[:2] == [sizes[1], sizes[0]] and sizes[0] != sizes[1]:
        return "[seq, batch, d_model]"
    if len(shape) == 3:
        words = [_size_words(*pair) for pair in zip(shape, sizes, ("batch", "seq", "d_model"), strict=True)]
        return f"[{', '.join(words)}]"
    left = dict(zip(("batch", "seq", "d_model"), sizes, strict=True))
    words = [str(size) for size in shape]
    for name, size in left.items():
        free = [index for index, word in enumerate(words) if word == str(size)]
        if free:
            words[free[-1] if name == "d_model" else free[0]] = name
    return f"[{', '.join(words)}]"


def _size_words(size: int, usual: int, name: str) -> str:
    if size == usual:
        return name
    if size % usual == 0:
        return f"{size // usual}*{name}"
    return f"{name} + {size - usual}" if size > usual else str(size)
