"""`hooking check --watch`: check a file each time that it is saved; after a pass, show the next exercise."""

import time

from tutorial_lib.checker.local import LocalRunner
from tutorial_lib.commands.check_files import Checker
from tutorial_lib.commands.reporting import show_next, show_report
from tutorial_lib.commands.terminal import console, say
from tutorial_lib.exercises.catalog import Exercise
from tutorial_lib.workspace.workspace import Workspace, WorkspaceError

POLL = 0.2
Stamp = tuple[int, int] | None


def watch(checker: Checker, first: Exercise, timeout: float) -> int:
    """Check an exercise, then whichever is saved, until all are done or Ctrl-C is pressed.

    Returns:
        The exit code.
    """
    try:
        with LocalRunner(seconds=timeout, spare=True) as runner:
            _watch(checker, first, runner)
    except KeyboardInterrupt:
        say("\nstopped watching")
    return 0


def _watch(checker: Checker, exercise: Exercise | None, runner: LocalRunner) -> None:
    saved = Saved(checker.workspace)
    while exercise is not None:
        exercise = _check(checker, exercise, runner)
        if exercise is None:
            return
        say("\nwaiting for a save; Ctrl-C ends")
        exercise = saved.wait(exercise)
        out = console()
        if out.is_terminal:
            out.clear()
        else:
            say()


def _check(checker: Checker, exercise: Exercise, runner: LocalRunner) -> Exercise | None:
    """Check an exercise; returns the one to work on, which after a pass is the next. None: all are done."""
    try:
        report = checker.check(exercise, runner)
    except WorkspaceError as error:
        say(str(error))
        return exercise
    show_report(checker.workspace, exercise, report)
    if not report.passed:
        return exercise
    show_next(checker.workspace)
    return checker.workspace.next()


class Saved:
    """Notices which of the answers' files is saved, by looking again and again: that works on every disk."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._before = self._stamps()

    def wait(self, current: Exercise) -> Exercise:
        """The exercise whose file is saved next; `current` if it is among several."""
        while True:
            now = self._stamps()
            changed = [name for name, stamp in now.items() if stamp and stamp != self._before.get(name)]
            if not changed:
                self._before |= {name: stamp for name, stamp in now.items() if stamp is None}
                time.sleep(POLL)
                continue
            time.sleep(POLL)  # an editor may write a file in two steps
            if self._stamps() == now:
                self._before = now
                name = current.name if current.name in changed else changed[0]
                return self._workspace.exercises[name]

    def _stamps(self) -> dict[str, Stamp]:
        return {name: self._stamp(name) for name in self._workspace.exercises}

    def _stamp(self, name: str) -> Stamp:
        try:
            found = self._workspace.answer_path(name).stat()
        except OSError:
            return None  # deleted, or being replaced at this moment
        return found.st_mtime_ns, found.st_size
