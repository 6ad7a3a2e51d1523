"""The `hooking` command: puts the commands of `tutorial_lib.commands` together."""

import typer

from tutorial_lib.commands.map import map_command

app = typer.Typer(no_args_is_help=True, help="Hooks into HuggingFace transformers, from the command line.")
app.command("map")(map_command)


@app.callback()
def main() -> None:
    """Hooks into HuggingFace transformers, from the command line."""
