"""A tiny random model of any type of causal language model that transformers knows, offline.

One shrinker works on any config: it replaces the sizes, by the names in `fields.py`, and leaves the flags, so
the architecture stays what it is. `special.py` holds what cannot be read from a config.
"""

import dataclasses
import functools
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from tutorial_lib.tiny_random.draft import on_its_own
from tutorial_lib.tiny_random.fields import (
    FIRST_MARKER,
    HEADS,
    LAYERS,
    OTHER_TOKENS,
    SIZES,
    TOKENS,
)
from tutorial_lib.tiny_random.special import DEFAULTS, FINISH, SPECIAL

# Written by transformers into every config; they say nothing about the architecture.
_NOT_SIZES = {"dtype", "torch_dtype", "architectures", "model_type", "id2label", "label2id"}
_NOT_SIZES |= {"transformers_version", "per_layer_config"}  # the second is made from the other fields
_DEPTHS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "decoder_layers", "num_blocks")


def causal_lm_types() -> tuple[str, ...]:
    """Every model type that `AutoModelForCausalLM` of the installed transformers builds, in order of name."""
    return tuple(sorted(_class_names()))


def model_class(model_type: str) -> type[Any]:
    """The causal language model class of a type.

    Raises:
        ValueError: no such type.
    """
    import transformers

    names = _class_names()
    if model_type not in names:
        raise ValueError(
            f"{model_type!r} is not a type of causal language model; causal_lm_types() lists them"
        )
    name = names[model_type]
    found = getattr(transformers, name if isinstance(name, str) else name[0])
    assert isinstance(found, type)
    return found


def tiny_config(model_type: str) -> Any:
    """The config of a tiny model of a type, made from the type's default config.

    Raises:
        ValueError: no such type.
    """
    return shrink_config(default_config(model_type))


def default_config(model_type: str) -> Any:
    """The config that a type has if nothing else is said, of its usual size.

    Raises:
        ValueError: no such type.
    """
    config_class = model_class(model_type).config_class
    return DEFAULTS.get(model_type, lambda config_class: config_class())(config_class)


def tiny_model(model_type: str, *, seed: int = 0) -> Any:
    """A tiny model of a type with random float32 weights, the same every time, in evaluation mode.

    Raises:
        ValueError: no such type.
    """
    return random_model(tiny_config(model_type), model_class(model_type), seed=seed)


def random_model(config: Any, of_class: type[Any], *, seed: int = 0) -> Any:
    """A model with random float32 weights from a config.

    Norms start as identities and biases as zeros: with other values a forgotten norm or bias shows. So every
    vector, and every parameter that starts as a constant, is moved a little.

    Args:
        config: of the class that `of_class` takes.
        of_class: a model class of transformers.
        seed: the generator of the caller is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        with _UnsetIsNan():
            model = of_class._from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.isnan().any():  # the model forgets to initialise it
                    parameter.normal_(std=0.02)
                if parameter.ndim == 1 or bool((parameter == parameter.flatten()[0]).all()):
                    parameter.add_(0.1 * torch.randn_like(parameter))
        if "assistant" in config.model_type:
            on_its_own(model)
    return model.eval()


def part_for(config: Any, config_class: type[Any]) -> Any:
    """The config itself, or the part of it that a model class takes (MusicGen's decoder)."""
    parts = [config, *(value for value in vars(config).values() if _is_config(value))]
    for part in parts:
        if isinstance(part, config_class):
            return part
    return config


def shrink_config(config: Any, **given: Any) -> Any:
    """A config of the same class with tiny sizes; everything that is not a size stays as it is.

    Args:
        config: of any size; it is not changed.
        given: fields to set to a value of your own.
    """
    fields = dict(_shrunk_fields(config))
    special = SPECIAL.get(type(config).model_type)
    if special is not None:
        fields = special(config, fields, shrink_config)
    fields |= given
    try:
        tiny = type(config)(**fields)
    except (TypeError, AttributeError):  # some classes of transformers 4 take the configs of parts as dicts
        tiny = type(config)(**{name: v.to_dict() if _is_config(v) else v for name, v in fields.items()})
    FINISH.get(type(config).model_type, lambda tiny: None)(tiny)
    return tiny


def _shrunk_fields(config: Any) -> Iterator[tuple[str, Any]]:
    """The keyword arguments that build the tiny config."""
    depth = next((n for name in _DEPTHS if isinstance(n := _value(config, name), int)), None)
    marker = FIRST_MARKER
    for name in sorted(_arguments(type(config)) - _NOT_SIZES):
        value = _value(config, name)
        if value is None and name not in vars(config):  # an argument that is kept under another name
            continue
        if value is None or isinstance(value, bool):
            yield name, value
        elif _is_config(value):
            yield name, shrink_config(value)
        elif name in ("rope_parameters", "rope_scaling"):
            yield name, _shrunk_rope(value)
        elif name in TOKENS or name in OTHER_TOKENS:
            token = TOKENS.get(name, 3)
            yield name, [token] if isinstance(value, list) else token
        elif name.endswith(("_token_id", "_token_index")):
            yield name, marker
            marker += 1
        elif isinstance(value, (list, tuple)) and len(value) == depth:
            yield name, _per_layer(name, value)
        elif name in SIZES:
            size = _size(config, name, value)
            if size is not None:
                yield name, size
        else:
            yield name, value


def _value(config: Any, name: str) -> Any:
    """A field of a config. Fields that differ between layers (gemma4) cannot be read as attributes."""
    return vars(config)[name] if name in vars(config) else getattr(config, name, None)


def _size(config: Any, name: str, value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [SIZES[name]] * LAYERS
    if value == 0:  # a feature that is off stays off
        return value
    if name in ("num_key_value_heads", "num_kv_heads") and value == _value(config, "num_attention_heads"):
        return HEADS  # no grouped queries here either
    return SIZES[name]


def _per_layer(name: str, values: Sequence[Any]) -> list[Any]:
    """As many entries as there are layers, each distinct value among them, in the order that they had."""
    if name in SIZES or "num_attention_heads" in name:
        return [SIZES.get(name, HEADS)] * LAYERS
    first = [i for i, value in enumerate(values) if value not in values[:i]]
    rest = [i for i in range(len(values)) if i not in first]
    chosen = [values[i] for i in sorted([*first, *rest][:LAYERS])]
    return chosen + [values[-1]] * (LAYERS - len(chosen))


def _shrunk_rope(rope: Any) -> Any:
    """Plain rotary positions: the scaled kinds need lengths and factors that fit the model's true size."""
    if not isinstance(rope, dict):
        return rope
    if any(isinstance(value, dict) for value in rope.values()):  # one for each type of layer
        return {kind: _shrunk_rope(value) for kind, value in rope.items()}
    kept = {name: rope[name] for name in ("mrope_interleaved", "llama_4_scaling_beta") if name in rope}
    if "partial_rotary_factor" in rope:
        kept["partial_rotary_factor"] = max(0.5, rope["partial_rotary_factor"])
    if "mrope_section" in rope:  # three axes share the rotated half of a head
        kept["mrope_section"] = [2, 1, 1] if kept.get("partial_rotary_factor", 1) <= 0.5 else [4, 2, 2]
    proportional = rope.get("rope_type") == "proportional"
    return {"rope_type": "proportional" if proportional else "default", "rope_theta": 10000.0, **kept}


@functools.cache
def _class_names() -> dict[str, Any]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

    return dict(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def _arguments(config_class: type[Any]) -> set[str]:
    """What the constructor takes: transformers writes configs as dataclasses since 5.x, as classes before."""
    if dataclasses.is_dataclass(config_class):
        return {field.name for field in dataclasses.fields(config_class) if field.init}
    return set(inspect.signature(config_class.__init__).parameters) - {"self", "kwargs"}


def _is_config(value: Any) -> bool:
    return hasattr(type(value), "model_type") and hasattr(value, "to_dict")


class _UnsetIsNan(TorchFunctionMode):
    """Inside, what `torch.empty` gives is NaN, so that a parameter which nobody initialises can be told."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func is torch.empty and result.is_floating_point():
            result.fill_(torch.nan)
        return result
