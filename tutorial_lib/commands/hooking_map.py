"""`hooking map`: where the parts of a model are, and whether its residual stream is what it seems."""

import dataclasses
import difflib
import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tutorial_lib.commands.terminal import quiet_transformers

VERDICTS = {True: ("yes", "green"), False: ("NO", "bold red"), None: ("-", "dim")}
TINY = "a tiny random model of the same architecture"


class BadInputError(Exception):
    """What the user gave cannot be mapped; the message says what would be right."""


def map_command(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A folder, or a name on the Hub. Default: $TUTORIAL_MODEL, or the model in the box.",
            show_default=False,
        ),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            help="A config.json, or a model type such as llama, instead of a model: no weights are needed.",
            show_default=False,
        ),
    ] = None,
    verify: Annotated[
        bool, typer.Option(help="Run the model on a few tokens and check the map by value.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show where the parts of a model are, and whether its residual stream is what it seems.

    Exit code 0: all is well. 1: the map is there, but a check failed or the stream cannot be addressed as
    one.
    2: there is no such model, or it is not a causal language model.
    """
    try:
        if model is not None and config is not None:
            raise BadInputError(f"give a model ({model!r}) or --config ({config!r}), not both")
        parts, verification, origin = _from_config(config, verify) if config else _from_model(model, verify)
    except BadInputError as error:
        Console(stderr=True).print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
    if as_json:
        typer.echo(json.dumps(_as_json(parts, verification, origin), indent=2, ensure_ascii=False))
    else:
        _print(Console(), parts, verification, origin)
    raise typer.Exit(0 if verification is None or verification.ok else 1)


def _from_model(name: str | None, verify: bool) -> tuple[Any, Any, str]:
    """Map and verification of a model with its weights."""
    from tutorial_lib.maps import map_model
    from tutorial_lib.models import MODEL_VARIABLE, load_model
    from tutorial_lib.verify.verify import verify_model

    quiet_transformers()
    if name is not None and not Path(name).exists() and _is_type(name):
        raise BadInputError(
            f"{name!r} is a model type; for a model without weights write: hooking map --config {name}"
        )
    try:
        model, _ = load_model(name)
    except (OSError, ValueError) as error:
        raise BadInputError(str(error)) from error
    origin = name or os.environ.get(MODEL_VARIABLE) or "the model in the box"
    try:
        return map_model(model), verify_model(model) if verify else None, origin
    except ValueError as error:
        raise BadInputError(str(error)) from error


def _from_config(name: str, verify: bool) -> tuple[Any, Any, str]:
    """Map of a model of the config's own size, without weights; verification of a tiny one."""
    import torch

    from tutorial_lib.maps import map_model
    from tutorial_lib.tiny_random.shrink import (
        default_config,
        model_class,
        part_for,
        random_model,
        shrink_config,
    )
    from tutorial_lib.verify.verify import verify_model

    quiet_transformers()
    path = Path(name)
    config = _read(path) if path.suffix == ".json" or path.exists() else default_config(_known_type(name))
    kind = _known_type(getattr(config, "model_type", ""))
    of_class = model_class(kind)
    config = part_for(config, of_class.config_class)
    try:
        with torch.device("meta"):
            parts = map_model(of_class._from_config(config))
        verification = verify_model(random_model(shrink_config(config), of_class)) if verify else None
    except Exception as error:  # of many classes: whatever building a model of these settings runs into
        raise BadInputError(_unbuildable(name, error)) from error
    return parts, verification, f"config of {name}, {TINY} for the checks" if verify else f"config of {name}"


def _read(path: Path) -> Any:
    from transformers import AutoConfig

    file = path / "config.json" if path.is_dir() else path
    if not file.is_file():
        raise BadInputError(
            f"{str(file)!r} does not exist; --config takes a config.json or a model type such as 'llama'"
        )
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{str(file)!r} is not JSON: {error}") from error
    if not isinstance(values, dict) or "model_type" not in values:
        raise BadInputError(f"{str(file)!r} has no 'model_type', which every config.json of transformers has")
    kind = values.pop("model_type")
    _known_type(kind)
    try:
        return AutoConfig.for_model(kind, **values)
    except Exception as error:  # of many classes: each config checks its fields in its own way
        raise BadInputError(_unbuildable(str(file), error)) from error


def _unbuildable(name: str, error: Exception) -> str:
    return f"no model can be made from {name!r}: {type(error).__name__}: {error}"


def _known_type(name: str) -> str:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

    from tutorial_lib.tiny_random.shrink import causal_lm_types

    if name in causal_lm_types():
        return name
    close = difflib.get_close_matches(name, causal_lm_types(), n=3)
    hint = f"; close ones: {', '.join(close)}" if close else "; such as llama, gpt2, qwen3"
    if name in CONFIG_MAPPING_NAMES:
        raise BadInputError(f"{name!r} is a model type, but not one of a causal language model{hint}")
    raise BadInputError(f"no file and no model type {name!r}{hint}")


def _is_type(name: str) -> bool:
    from tutorial_lib.tiny_random.shrink import causal_lm_types

    return name in causal_lm_types()


def _as_json(parts: Any, verification: Any, origin: str) -> dict[str, Any]:
    names = ("model_class", "kind", "d_model", "n_layers", "blocks_path", "embedding_path", "final_norm_path")
    found = {name: getattr(parts, name) for name in (*names, "unembedding_path")}
    measured = None
    if verification is not None:
        measured = {**dataclasses.asdict(verification), "ok": verification.ok}
    return {"model": origin, "map": found, "verification": measured}


def _print(console: Console, parts: Any, verification: Any, origin: str) -> None:
    console.print(Text(origin, style="dim"), soft_wrap=True)
    console.print(Text(repr(parts)), soft_wrap=True)
    if verification is None:
        return
    middle = {True: "yes", False: "no", None: "does not apply"}[verification.mid_stream]
    facts = {
        "kind of stream": verification.kind,
        "shape": verification.stream_shape,
        "reaches a block as": verification.passed_as,
        "a block returns": f"a {verification.returns}",
        "a block's output is": verification.terms,
        "a stream between attention and MLP": middle,
    }
    console.print()
    console.print(_grid((Text(name), Text(str(value))) for name, value in facts.items()))
    console.print()
    checks = ((check.name, VERDICTS[check.passed], check.detail) for check in verification.checks)
    console.print(_grid((Text(name), Text(*verdict), Text(detail)) for name, verdict, detail in checks))
    console.print()
    console.print(_verdict(verification), soft_wrap=True)


def _verdict(verification: Any) -> Text:
    if not verification.addressable:
        why = f"The residual stream is not one stream to read and edit: {verification.reason}"
        return Text(why, style="bold red")
    if verification.problems:
        return Text(f"A check failed: {'; '.join(verification.problems)}", style="bold red")
    return Text("The residual stream can be read and edited at the input of every block.", style="green")


def _grid(rows: Any) -> Table:
    table = Table.grid(padding=(0, 2))
    for row in rows:
        table.add_row(Text(" "), *row)
    return table
