"""The `hooking` command: puts the commands of `tutorial_lib.commands` together."""

import typer

from tutorial_lib.commands.hooking_activations import activations_command
from tutorial_lib.commands.hooking_check import check_command
from tutorial_lib.commands.hooking_collect import collect_command
from tutorial_lib.commands.hooking_course import course_app
from tutorial_lib.commands.hooking_export import export_app
from tutorial_lib.commands.hooking_grade import grade_command
from tutorial_lib.commands.hooking_hint import hint_command, solution_command
from tutorial_lib.commands.hooking_list import list_command
from tutorial_lib.commands.hooking_map import map_command
from tutorial_lib.commands.hooking_release import release_command
from tutorial_lib.commands.hooking_start import reset_command, start_command
from tutorial_lib.commands.hooking_submit import submit_command

app = typer.Typer(no_args_is_help=True, help="Hooks into HuggingFace transformers, from the command line.")
app.command("map")(map_command)
app.command("collect")(collect_command)
app.command("activations")(activations_command)

EXERCISES = "Exercises"
app.command("start", rich_help_panel=EXERCISES)(start_command)
app.command("list", rich_help_panel=EXERCISES)(list_command)
app.command("check", rich_help_panel=EXERCISES)(check_command)
app.command("hint", rich_help_panel=EXERCISES)(hint_command)
app.command("solution", rich_help_panel=EXERCISES)(solution_command)
app.command("reset", rich_help_panel=EXERCISES)(reset_command)
app.command("submit", rich_help_panel=EXERCISES)(submit_command)

COURSES = "For instructors"
app.add_typer(course_app, name="course", rich_help_panel=COURSES)
app.command("release", rich_help_panel=COURSES)(release_command)
app.command("grade", rich_help_panel=COURSES)(grade_command)
app.add_typer(export_app, name="export", rich_help_panel=COURSES)


@app.callback()
def main() -> None:
    """Hooks into HuggingFace transformers, from the command line."""
