"""What a collection was made with. A run that goes on with it must have the same."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import torch
import transformers
from torch import Tensor, nn

from tutorial_lib.collect.errors import CollectError

AT_ONCE = 1 << 20  # numbers that a checksum adds up at once
FACTOR = 1_000_003  # between them, so that their order counts
# Which name the model goes by makes no difference to a row: its weights are compared.
NAMES = {"model", "revision"}


@dataclass(frozen=True)
class Settings:
    """All that decides which bytes a shard has, beside the data.

    Attributes:
        model: a name or folder, and `revision` the commit of the Hub, where they are known.
        weights: a checksum of the parameters and buffers.
        tokenizer: a hash of it. None: the data are token ids.
        layers: in their order.
        d_model: width of a row.
        dtype: of the rows, such as "float16".
    """

    model: str
    revision: str | None
    model_class: str
    weights: str
    model_dtype: str
    device: str
    tokenizer: str | None
    layers: list[int]
    d_model: int
    dtype: str
    positions: Any
    add_special_tokens: bool
    skip_tokens: list[int]
    max_length: int
    too_long: str
    batch_tokens: int
    shard_tokens: int
    shard_rows: int
    shard_documents: int
    torch: str
    transformers: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def differs_from(self, other: dict[str, Any]) -> list[str]:
        """A line for each setting that has another value in `other`, what a folder says."""
        mine: dict[str, Any] = json.loads(json.dumps(self.as_json()))
        names = sorted((mine.keys() | other.keys()) - NAMES)
        changed = [name for name in names if mine.get(name) != other.get(name)]
        return [f"{name}: {other.get(name)!r} there, {mine.get(name)!r} now" for name in changed]

    def digest(self) -> str:
        """A short name of all that make a difference."""
        return digest_of(self.as_json())


def digest_of(settings: dict[str, Any]) -> str:
    """`Settings.digest` of what `Settings.as_json` gave."""
    kept = {name: value for name, value in settings.items() if name not in NAMES}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]


def versions() -> dict[str, str]:
    return {"torch": str(torch.__version__), "transformers": str(transformers.__version__)}


def checksum_of_weights(model: nn.Module) -> str:
    """A checksum of all parameters and buffers that runs as fast as the device reads them.

    It is made for noticing a change, not for security: for each tensor the sum of its bytes, eight of them as
    one whole number, and the same with each number weighted by its place.
    """
    found = hashlib.sha256()
    places: dict[torch.device, Tensor] = {}  # 1, 2, 3 ... on each device
    for name, tensor in model.state_dict().items():
        if isinstance(tensor, Tensor):
            tensor = _offloaded(model, name) if tensor.is_meta else tensor
            if tensor.device not in places:
                places[tensor.device] = torch.arange(1, AT_ONCE + 1, device=tensor.device)
            sums = _sums(tensor, places[tensor.device])
            found.update(f"{name} {tuple(tensor.shape)} {tensor.dtype} {sums}\n".encode())
    return found.hexdigest()[:32]


def hash_of_tokenizer(tokenizer: Any) -> str:
    """A hash of what a tokenizer does: of its whole description, or of its vocabulary where it has none."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        described = repr(sorted(tokenizer.get_vocab().items()))
    else:
        parts = json.loads(backend.to_str())
        # What the last call with truncation or padding has left there; each call sets them anew.
        described = json.dumps({**parts, "truncation": None, "padding": None}, sort_keys=True)
    return hashlib.sha256(described.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _offloaded(model: nn.Module, name: str) -> Tensor:
    """A weight that accelerate keeps on the disk or in host memory, from where its hook takes it."""
    path, _, leaf = name.rpartition(".")
    hook = getattr(model.get_submodule(path), "_hf_hook", None)
    for each in getattr(hook, "hooks", [hook]):
        if getattr(each, "weights_map", None) is not None:
            found: Tensor = each.weights_map[leaf]
            return found
    raise CollectError(f"the weight {name} is on the meta device: the model was not loaded")


def _sums(tensor: Tensor, places: Tensor) -> tuple[int, int]:
    plain = tensor.detach()
    if plain.is_complex():
        plain = torch.view_as_real(plain)
    flat = plain.contiguous().flatten()
    # Eight bytes are one number, so that little is computed for each; of those at the end each is one.
    size = flat.element_size()
    if flat.storage_offset() * size % 8:
        flat = flat.clone()
    whole = flat.numel() * size // 8 * 8 // size
    words, rest = flat[:whole].view(torch.int64), flat[whole:].view(torch.uint8).to(torch.int64)
    total = torch.zeros((), dtype=torch.int64, device=words.device)
    weighted = torch.zeros((), dtype=torch.int64, device=words.device)
    for part in (*torch.split(words, AT_ONCE), rest):
        if part.numel():
            # Overflow wraps around, the same on every device.
            total = total * FACTOR + part.sum()
            weighted = weighted * FACTOR + (part * places[: len(part)]).sum()
    return int(total), int(weighted)
