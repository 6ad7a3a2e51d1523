"""The `hooking` command."""

import typer

app = typer.Typer(no_args_is_help=True, help="Hooks into HuggingFace transformers, from the command line.")


@app.callback()
def main() -> None:
    """Hooks into HuggingFace transformers, from the command line."""
