"""Check the files of a student, and write down what comes of it."""

from tutorial_lib.checker.local import LocalRunner
from tutorial_lib.checker.report import SYNTAX_ERROR, Report
from tutorial_lib.commands.patience import Patience
from tutorial_lib.commands.terminal import notes_of
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.workspace.workspace import Workspace


class Checker:
    """Checks the files of a workspace and writes down what comes of it.

    Args:
        workspace: of the student.
        seed: of all inputs. None: fresh ones each time.
    """

    def __init__(self, workspace: Workspace, seed: int | None) -> None:
        self.workspace, self.seed = workspace, seed

    def check(self, exercise: Exercise, runner: LocalRunner) -> Report:
        """Check an answer; says that it is at work if it takes long."""
        name = exercise.name
        try:
            source = self.workspace.source(name)
        except SyntaxError as error:
            source, report = "", Report(name, SYNTAX_ERROR, f"Python cannot read the file: {error}.")
        else:
            with Patience(name) as patience:
                report = runner.check(
                    exercise,
                    source,
                    seed=self.seed,
                    variant=self.workspace.course.variants.get(name),
                    filename=f"{name}.py",
                    waiting=patience,
                )
        self.workspace.note_check(report, source)
        notes_of(self.workspace)
        return report
