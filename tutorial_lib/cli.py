"""The `hooking` command: puts the commands of `tutorial_lib.commands` together."""

import typer

from tutorial_lib.commands.check import check_command
from tutorial_lib.commands.hint import hint_command, solution_command
from tutorial_lib.commands.listing import list_command
from tutorial_lib.commands.map import map_command
from tutorial_lib.commands.start import reset_command, start_command

app = typer.Typer(no_args_is_help=True, help="Hooks into HuggingFace transformers, from the command line.")
app.command("map")(map_command)

EXERCISES = "Exercises"
app.command("start", rich_help_panel=EXERCISES)(start_command)
app.command("list", rich_help_panel=EXERCISES)(list_command)
app.command("check", rich_help_panel=EXERCISES)(check_command)
app.command("hint", rich_help_panel=EXERCISES)(hint_command)
app.command("solution", rich_help_panel=EXERCISES)(solution_command)
app.command("reset", rich_help_panel=EXERCISES)(reset_command)


@app.callback()
def main() -> None:
    """Hooks into HuggingFace transformers, from the command line."""
