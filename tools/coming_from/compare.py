"""Run every job in the three ways and measure how far the results are apart.

`python -m tools.coming_from.compare` needs the peers' environment and prints JSON. What fails is an "error"
in its place, so that one failure hides no other.
"""

from __future__ import annotations

import copy
import json
import math
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from pydoc import locate
from typing import Any

import torch
from torch import nn

from tools.coming_from.differences import CLAIMS, DIFFERENCES
from tools.coming_from.peers import Given, bridge_of, make, nnsight_of
from tools.coming_from.places import PLACES, WEIGHTS, Place
from tools.coming_from.reading import (
    JOBS,
    LIBRARIES,
    for_family,
    load_job,
    load_source,
    read_job,
    run,
)
from tools.coming_from.verbs import VERBS
from tutorial_lib import add_hooks, read_input

PACKAGES = ("transformer-lens", "nnsight", "torch", "transformers")
PARAMETERS = {
    "plain": "model tokenizer parts ids clean_ids corrupt_ids texts vector",
    "transformer_lens": "bridge ids clean_ids corrupt_ids texts vector",
    "nnsight": "lm ids clean_ids corrupt_ids texts vector",
}


def measure() -> dict[str, Any]:
    """Everything that the page says of the three."""
    given = make()
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder)
        in_hands = {family: hands(given, family, into) for family in given.models}
        jobs: dict[str, Any] = {}
        for name in JOBS:
            jobs[name] = {"code": read_job(name).fingerprint}
            for family in given.models:
                jobs[name][family] = attempt(partial(compare_job, name, family, in_hands[family], into))
        return {
            "versions": {package: version(package).split("+")[0] for package in PACKAGES},
            "jobs": jobs,
            "places": {f: compare_places(given, f, into) for f in given.models},
            "weights": {f: compare_weights(given, f) for f in given.models},
            "verbs": {each.theirs: locate(each.object) is not None for each in VERBS},
            "differences": {each.__name__: attempt(partial(each, given)) for each in CLAIMS + DIFFERENCES},
        }


def hands(given: Given, family: str, into: Path) -> dict[str, dict[str, Any]]:
    """What the page's set-up makes, for each library, of a copy of the model."""
    set_up: Any = load_job("set_up", family, into)
    set_up.load_model = lambda: (
        copy.deepcopy(given.models[family]),
        copy.deepcopy(given.tokenizer),
    )
    return {
        library: dict(zip(names.split(), run(getattr(set_up, library), {}), strict=True))
        for library, names in PARAMETERS.items()
    }


def compare_job(name: str, family: str, given: dict[str, dict[str, Any]], into: Path) -> dict[str, Any]:
    """How far the results of the peers are from those of plain hooks, as a bound."""
    job = load_job(name, family, into)
    results = {}
    for library in LIBRARIES:
        with counted_calls(given[library]) as calls:
            results[library] = run(getattr(job, library), given[library])
        if name == "stop_early":
            assert calls == [], f"{library}: {len(calls)} matrices of later blocks were used"
        elif name == "lens":  # runs them all: the count is no count of nothing
            assert calls, f"{library}: no matrix of the later blocks was seen"
    wanted = results.pop("plain")
    return {
        library: max(bound(*pair) for pair in zip(wanted, found, strict=True))
        for library, found in results.items()
    }


@contextmanager
def counted_calls(given: dict[str, Any]) -> Iterator[list[str]]:
    """The calls of matrices in the last two blocks' MLPs, whatever a library has made of the blocks."""
    model = given.get("model") or (
        given["bridge"].original_model if "bridge" in given else given["lm"]._module
    )
    later = {
        module: name
        for name, module in model.named_modules()
        if ".2." in name or ".3." in name
        if ".mlp" in name and type(module).__name__ in ("Linear", "Conv1D")
    }
    assert later, "no matrices of later blocks were found, so that none could be counted"
    calls: list[str] = []

    def count(module: nn.Module, args: Any) -> None:
        if module in later:
            calls.append(later[module])

    handle = nn.modules.module.register_module_forward_pre_hook(count)
    try:
        yield calls
    finally:
        handle.remove()


def bound(wanted: torch.Tensor, found: torch.Tensor) -> float:
    """0.0 for the same numbers, else the power of ten, at least 1e-6, above the largest difference."""
    assert wanted.shape == found.shape, f"shapes {tuple(wanted.shape)} and {tuple(found.shape)}"
    assert wanted.dtype == found.dtype, f"dtypes {wanted.dtype} and {found.dtype}"
    difference = (wanted - found).abs().max().item()
    return 0.0 if difference == 0 else 10.0 ** max(-6, math.floor(math.log10(difference)) + 1)


def compare_places(given: Given, family: str, into: Path) -> dict[str, Any]:
    """Each hook point against the hook and the nnsight expression that the table has for it."""
    model = given.models[family]
    n_heads = model.config.num_attention_heads
    bridge = bridge_of(given, model)
    with torch.no_grad():
        _, cache = bridge.run_with_cache(given.ids)
    lm = nnsight_of(given, copy.deepcopy(model))
    found = {}
    for number, place in enumerate(place for place in PLACES if family in place.families):

        def compare(place: Place = place, number: int = number) -> dict[str, float]:
            wanted = cache[place.hook]
            source = (
                "import torch\n\n\ndef read(lm, ids, n_heads):\n    with torch.no_grad(), lm.trace(ids):\n"
                f"        value = ({for_family(family, place.in_nnsight)}).save()\n    return value\n"
            )
            value = load_source(source, f"place_{family}_{number}", into).read(lm, given.ids, n_heads)
            both = {"nnsight": bound(wanted, value.expand_as(wanted))}
            if place.module:
                value = plain_value(model, place, family, given.ids).expand_as(wanted)
                both["plain"] = bound(wanted, value)
            return both

        found[place.hook] = attempt(compare)
    return found


def plain_value(model: Any, place: Place, family: str, ids: torch.Tensor) -> torch.Tensor:
    """What a hook at the place sees, made into the value as the table says."""
    module = model.get_submodule(for_family(family, place.module))
    kept: list[Any] = []

    def keep_input(module: nn.Module, args: Any, kwargs: Any) -> None:
        kept.append(read_input(args, kwargs))

    def keep_output(module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        kept.append(output)

    hooks = ([(module, keep_input)], []) if place.side == "input" else ([], [(module, keep_output)])
    with torch.no_grad(), add_hooks(*hooks, with_kwargs=True):
        model(ids)
        names = {
            "x": kept[0],
            "m": module,
            "n_heads": model.config.num_attention_heads,
        }
        value: torch.Tensor = eval(place.made.format(x="x", m="m"), names)
    return value


def _bound(theirs: str, ours: str, names: dict[str, Any]) -> Any:
    return bound(eval(theirs, dict(names)), eval(ours, dict(names)))


def compare_weights(given: Given, family: str) -> dict[str, Any]:
    """The weights of the bridge against the expressions of the table."""
    model: Any = given.models[family]
    names = {"model": model, "n_heads": model.config.num_attention_heads}
    names["bridge"] = bridge_of(given, model)
    return {theirs: attempt(partial(_bound, theirs, ours, names)) for theirs, ours in WEIGHTS[family].items()}


def attempt(work: Callable[[], Any]) -> Any:
    """What `work` returns, or its error as text."""
    try:
        return work()
    except Exception:
        return {"error": traceback.format_exc()}


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # nnsight warns of the open loop of a job, which its note explains
    json.dump(measure(), sys.stdout, indent=1)
    print()
