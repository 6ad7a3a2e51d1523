"""What a check runs on: a model, and inputs drawn from a seed.

An answer runs on a case in one process and is judged in another one, which builds the same case anew: same
model, same inputs. So a case is made from a `CaseSpec` of plain values, and all its randomness has a name.
"""

import copy
import functools
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import torch
from torch import nn

from tutorial_lib.activations import read_input, read_output, replace_output
from tutorial_lib.architecture.model_map import ModelMap
from tutorial_lib.hooks import HookPair, add_hooks
from tutorial_lib.maps import map_model
from tutorial_lib.residual import cache_residual_streams


@dataclass(frozen=True)
class CaseSpec:
    """From which a case is made.

    Attributes:
        model: `"box"`, or a model type such as `"gpt2"`, built tiny and random.
        seed: of the inputs.
        variant: of what a student's exercise is about: layer, positions and direction. None: as the seed.
        device: such as `"cpu"` or `"cuda"`.
    """

    model: str
    seed: int = 0
    variant: int | None = None
    device: str = "cpu"

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


class Case:
    """A model with inputs. Each random thing has a name: the same name gives the same value, in any order.

    Attributes:
        spec: from which the case was made.
        name: of the model: `"box"`, or a model type.
    """

    def __init__(self, spec: CaseSpec) -> None:
        self.spec = spec
        self.name = spec.model

    @cached_property
    def model(self) -> Any:
        """A fresh copy of the model, which nothing else holds. In evaluation mode."""
        return copy.deepcopy(_pristine(self.spec.model, self.spec.device)[0])

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the model in the box; None for the random models, which have none."""
        return _pristine(self.spec.model, self.spec.device)[1]

    @cached_property
    def map(self) -> ModelMap:
        """Where the parts of the model are."""
        return map_model(self.model)

    @property
    def n_layers(self) -> int:
        """How many blocks the model has."""
        return self.map.n_layers

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.map.d_model

    @property
    def layer(self) -> int:
        """The layer of this variant, from 1 to n_layers - 1: there is a block before it.

        Another one on other models, so that a layer which is written into an answer is wrong on one of them:
        the length of the model's name moves it on, and differs between the usual three.
        """
        first = self._number("layer", 1, self.n_layers - 1, self._variant)
        return (first + len(self.name)) % (self.n_layers - 1) + 1

    @property
    def other_layer(self) -> int:
        """Another layer than `layer`, in the same range."""
        others = [i for i in range(1, self.n_layers) if i != self.layer]
        return others[self._number("other layer", 0, len(others) - 1, self._variant)]

    def positions(self, seq: int, count: int = 1, name: str = "positions") -> list[int]:
        """Different positions of this variant in 1 .. seq - 2, so neither the first nor the last, in order.

        Args:
            seq: length of the sequence, at least count + 2.
            count: how many.
            name: another name gives other positions.
        """
        order = torch.randperm(seq - 2, generator=self._generator(name, self._variant))
        return sorted((order[:count] + 1).tolist())

    def direction(self, name: str = "direction") -> torch.Tensor:
        """A random direction of this variant, of norm 1: `[d_model]`."""
        vector = torch.randn(self.d_model, generator=self._generator(name, self._variant))
        unit: torch.Tensor = vector / vector.norm()
        return unit.to(self.spec.device)

    def ids(self, batch: int = 2, seq: int = 7, name: str = "ids") -> torch.Tensor:
        """Random token ids, none of them special: `[batch, seq]`."""
        vocabulary = self.model.config.get_text_config().vocab_size
        ids = torch.randint(16, vocabulary, (batch, seq), generator=self._generator(name, self.spec.seed))
        return ids.to(self.spec.device)

    def normal(self, *shape: int, name: str = "normal") -> torch.Tensor:
        """Normally distributed numbers of a shape."""
        return torch.randn(*shape, generator=self._generator(name, self.spec.seed)).to(self.spec.device)

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return self._number(name, low, high, self.spec.seed)

    def logits(self, ids: torch.Tensor, *hooks: Sequence[HookPair]) -> torch.Tensor:
        """What the model predicts now, without gradients: `[batch, seq, vocab]`.

        Args:
            ids: token ids `[batch, seq]`.
            hooks: pairs that are on during this run only: pre-hooks, then forward hooks, as for `add_hooks`.
        """
        with torch.no_grad(), add_hooks(*hooks):
            logits = self.model(ids).logits
        assert isinstance(logits, torch.Tensor)
        return logits

    def streams(self, ids: torch.Tensor) -> list[torch.Tensor]:
        """The stream before each block, and after the last one: n_layers + 1 of `[batch, seq, d_model]`."""
        return list(cache_residual_streams(self.model, ids, after_last_block=True)[0].values())

    def in_and_out(self, ids: torch.Tensor, *modules: nn.Module) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """A copy of what each module receives and of what it returns when the model runs on token ids."""
        found = {}

        def keep(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            found[module] = read_input(args, kwargs).clone(), read_output(output).clone()

        with torch.no_grad(), add_hooks([], [(module, keep) for module in modules], with_kwargs=True):
            self.model(ids)
        return [found[module] for module in modules]

    def steering(self, edit: Callable[[torch.Tensor], torch.Tensor]) -> list[HookPair]:
        """Forward hooks that edit the stream which the block at `layer` receives.

        They are on the block before, so that none of the block's arguments passes through them.
        """

        def hook(module: nn.Module, args: Any, output: Any) -> Any:
            return replace_output(output, edit(read_output(output)))

        return [(self.map.blocks[self.layer - 1], hook)]

    @property
    def _variant(self) -> int:
        return self.spec.seed if self.spec.variant is None else self.spec.variant

    def _number(self, name: str, low: int, high: int, seed: int) -> int:
        return int(torch.randint(low, high + 1, (), generator=self._generator(name, seed)))

    def _generator(self, name: str, seed: int) -> torch.Generator:
        digest = hashlib.sha256(f"{seed} {name}".encode()).digest()
        return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


@functools.lru_cache(maxsize=16)
def _pristine(model: str, device: str) -> tuple[Any, Any]:
    """The model and tokenizer that the cases get copies of; never run, so transformers put no hook on it."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    if model == "box":
        from tutorial_lib import tiny_model
        from tutorial_lib.models import load_model

        return load_model(tiny_model.path(), device=device)
    from tutorial_lib.tiny_random import shrink

    made = _livelier(shrink.tiny_model(model)).to(device)
    made.generation_config.eos_token_id = None  # a random model would stop at random
    return made, None


def _livelier(model: Any) -> Any:
    """Larger weights than at initialisation, where attention is nearly uniform and an edit hardly shows."""
    norms = {id(p) for m in model.modules() if "norm" in type(m).__name__.lower() for p in m.parameters()}
    embeddings = {id(model.get_input_embeddings().weight)}
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim >= 2 and id(parameter) not in norms | embeddings:
                parameter.mul_(5)
            elif id(parameter) in embeddings:
                parameter.mul_(20)
    return model
