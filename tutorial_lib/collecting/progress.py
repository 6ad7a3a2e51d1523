"""Say how far a collection is, how fast it goes and how long it will take."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

LINE_EVERY = 10.0  # seconds, where there is no terminal to draw a bar on


class Report:
    """How far the work is.

    Attributes:
        tokens: run so far.
    """

    def __init__(self, length: int | None, bar: Progress | None, lines: bool) -> None:
        self.tokens = 0
        self._length = length
        self._bar = bar
        self._lines = lines
        self._task: TaskID | None = None
        self._started = self._told = time.monotonic()
        self._first_end: int | None = None
        if bar is not None:
            self._task = bar.add_task("collecting", total=length, speed="")

    def advance(self, end: int, tokens: int) -> None:
        """Args: end: how much of the data is done, as `Record.end`. tokens: how many more were run."""
        self.tokens += tokens
        now = time.monotonic()
        speed = self.tokens / max(now - self._started, 1e-9)
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=end, speed=f"{speed:,.0f} tokens/s")
        elif self._lines and now - self._told >= LINE_EVERY:
            self._told = now
            share = f"{end / self._length:.0%}, " if self._length else ""
            print(f"{share}{self.tokens:,} tokens, {speed:,.0f} tokens/s", file=sys.stderr, flush=True)

    def skip(self, end: int) -> None:
        """The data up to `end` were done before: they say nothing about the speed."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=end)
            if self.tokens == 0:
                self._bar.reset(self._task, completed=end, total=self._length)


@contextmanager
def reporting(length: int | None, show: bool) -> Iterator[Report]:
    """A bar on standard error if it is a terminal, a line now and then if not, nothing if not asked for.

    Args:
        length: of the data, as `Source.length`.
        show: whether to show anything.
    """
    console = Console(stderr=True)
    if not show or not console.is_terminal:
        yield Report(length, None, lines=show)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(elapsed_when_finished=False),
    )
    with Progress(*columns, console=console) as bar:
        yield Report(length, bar, lines=False)
