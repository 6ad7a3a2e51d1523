"""Say that the command is at work, once it has taken longer than two seconds."""

from types import TracebackType

from rich.status import Status

from tutorial_lib.commands.terminal import console

AFTER = 2.0


class Patience:
    """To be called with the seconds so far and what is being done.

    Shows a line that moves on a terminal, one line elsewhere; on standard error, beside the report.

    Args:
        name: of the exercise.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._console = console(error=True)
        self._status: Status | None = None
        self._said = ""

    def __enter__(self) -> "Patience":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, seconds: float, doing: str) -> None:
        """Say it, if it is time to."""
        if seconds < AFTER and self._status is None:
            return
        if self._console.is_terminal:
            text = f"{self._name}: {doing}, {seconds:.0f} s"
            if self._status is None:
                self._status = Status(text, console=self._console)
                self._status.start()
            self._status.update(text)
        elif doing != self._said:
            self._said = doing
            self._console.print(f"{self._name}: {doing} ...", markup=False, soft_wrap=True)
