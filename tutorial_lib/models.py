"""Load the model in the box, or any causal language model of the Hugging Face Hub."""

import os
from pathlib import Path
from typing import Any

import torch

MODEL_VARIABLE = "TUTORIAL_MODEL"
DEVICE_VARIABLE = "TUTORIAL_DEVICE"


def load_model(
    name: str | os.PathLike[str] | None = None,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
) -> tuple[Any, Any]:
    """A language model in evaluation mode, and its tokenizer.

    Args:
        name: a folder with a model, or a name on the Hub such as "gpt2". None: the value of $TUTORIAL_MODEL,
            or else the small model that comes with this package and needs no network.
        device: such as "cpu" or "cuda:0". None: the value of $TUTORIAL_DEVICE, or else "cpu".
        dtype: such as torch.bfloat16 or "bfloat16". None or "auto": as the model was saved.

    Returns:
        The model and the tokenizer. The tokenizer pads on the left, as generating from a batch needs, and
        uses the end-of-sequence token where it had no padding token.

    Raises:
        OSError: the model cannot be loaded; the message says what was tried and why it failed.
        ValueError: a device or dtype that does not exist here.
    """
    where = _checked_device(*_given(device, DEVICE_VARIABLE, "device", "cpu"))
    precision = _checked_dtype(dtype)
    model, tokenizer = _load(*_given(name, MODEL_VARIABLE, "name", None), precision)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left"
    return model.to(where), tokenizer  # in evaluation mode, as from_pretrained leaves it


def _given(argument: Any, variable: str, name: str, default: Any) -> tuple[Any, str]:
    """The value to use and, for error messages, where it came from. An empty variable counts as unset."""
    if argument is not None:
        return argument, f"the argument `{name}`"
    if os.environ.get(variable):
        return os.environ[variable], f"${variable}"
    return default, "the default"


def _load(name: Any, origin: str, dtype: torch.dtype | str) -> tuple[Any, Any]:
    # transformers takes seconds to import; `import tutorial_lib` should not.
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if name is None:
        from tutorial_lib import tiny_model

        name, origin = tiny_model.path(), "the model in the box"
    name = os.fspath(name)
    folder = Path(name).expanduser()
    local = folder.exists() or name.startswith(("/", ".", "~")) or name.count("/") > 1
    source = str(folder) if local else name
    try:
        if local and not (folder / "config.json").is_file():
            raise FileNotFoundError(f"{folder / 'config.json'} does not exist")
        tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=local)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, local_files_only=local)
    except Exception as error:  # of many classes: no network, no such name, a broken file, a missing package
        tried = _what_was_tried(folder) if local else _what_was_tried_on_the_hub(name)
        raise OSError(
            f"could not load a model from {name!r} ({origin}). {tried}\n"
            "Right would be a folder written by save_pretrained, a causal language model's name on the Hub "
            f"such as 'gpt2', or nothing for the model in the box.\n{type(error).__name__}: {error}"
        ) from error
    return model, tokenizer


def _what_was_tried(folder: Path) -> str:
    if not folder.exists():
        return f"Tried it as a local folder, which does not exist: {folder.absolute()}."
    if not folder.is_dir():
        return f"Tried it as a local folder, but it is a file: {folder.absolute()}."
    config = "has" if (folder / "config.json").is_file() else "has no"
    return f"Tried it as a local folder, which exists and {config} config.json: {folder.absolute()}."


def _what_was_tried_on_the_hub(name: str) -> str:
    offline = [
        flag
        for flag in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        if os.environ.get(flag, "0") not in ("0", "")
    ]
    how = (
        f"in the local cache only, as {' and '.join(offline)} forbids the network"
        if offline
        else "with the network"
    )
    return f"There is no local folder of that name; tried it as a name on the Hugging Face Hub, {how}."


def _checked_device(device: Any, origin: str) -> torch.device:
    try:
        checked = torch.device(device)
        torch.empty(0, device=checked)  # torch.device("cuda") is fine on a machine without CUDA; this is not
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        found = (
            f"cuda:0 to cuda:{torch.cuda.device_count() - 1}"
            if torch.cuda.is_available()
            else "no CUDA device"
        )
        raise ValueError(
            f"device {device!r} ({origin}) cannot be used: {reason}. "
            f"Right would be 'cpu' or a device of this machine, which has {found}."
        ) from error
    return checked


def _checked_dtype(dtype: Any) -> torch.dtype | str:
    if dtype is None or dtype == "auto":
        return "auto"
    found = getattr(torch, dtype.removeprefix("torch."), None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise ValueError(
            f"dtype {dtype!r} cannot be used; right would be 'auto', a name such as 'bfloat16' "
            "or a floating point type such as torch.float32"
        )
    return found
