"""The `hooking` command: puts the commands of `tutorial_lib.commands` together."""

import typer

from tutorial_lib.commands.course import course_app
from tutorial_lib.commands.export import export_app
from tutorial_lib.commands.grade import grade_command
from tutorial_lib.commands.map import map_command
from tutorial_lib.commands.release import release_command
from tutorial_lib.commands.submit import submit_command

app = typer.Typer(no_args_is_help=True, help="Hooks into HuggingFace transformers, from the command line.")
app.command("map")(map_command)
app.command("submit")(submit_command)
app.command("release")(release_command)
app.command("grade")(grade_command)
app.add_typer(course_app, name="course")
app.add_typer(export_app, name="export")


@app.callback()
def main() -> None:
    """Hooks into HuggingFace transformers, from the command line."""
