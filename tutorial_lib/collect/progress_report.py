"""Say how far the work is, how fast it goes and how long it will take."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

LINE_EVERY = 10.0  # seconds, where there is no terminal to draw a bar on


class ProgressReport:
    """How far the work is.

    Attributes:
        count: units of work done so far, such as tokens that were run.
    """

    def __init__(self, task: str, unit: str, length: int | None, bar: Progress | None, lines: bool) -> None:
        self.count = 0
        self._name, self._unit = task, unit
        self._length = length
        self._bar = bar
        self._lines = lines
        self._task: TaskID | None = None
        self._started = self._told = time.monotonic()
        self._done_before = 0
        if bar is not None:
            self._task = bar.add_task(task, total=length, speed="", left="")

    def advance(self, end: int, count: int) -> None:
        """Args: end: how much of the data is done, as `Record.end`. count: how much more work was done."""
        self.count += count
        now = time.monotonic()
        speed = f"{self.count / max(now - self._started, 1e-9):,.0f} {self._unit}/s"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=end, speed=speed, left=self._left(end, now))
        elif self._lines and now - self._told >= LINE_EVERY:
            self._told = now
            share = f"{end / self._length:.0%}, " if self._length else ""
            left = f", {self._left(end, now)}" if self._length else ""
            text = f"{self._name}: {share}{self.count:,} {self._unit}, {speed}{left}"
            print(text, file=sys.stderr, flush=True)

    def skip(self, end: int) -> None:
        """The data up to `end` were done before: they say nothing about the speed."""
        if self.count == 0:
            self._done_before = end
            self._started = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=end)

    def _left(self, end: int, now: float) -> str:
        """From the speed over the whole run, which goes up and down less than that of the last batches."""
        if self._length is None or end <= self._done_before:
            return ""
        seconds = (now - self._started) * (self._length - end) / (end - self._done_before)
        minutes, seconds = divmod(int(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02} left"


@contextmanager
def reporting(
    length: int | None, show: bool, *, task: str = "collecting", unit: str = "tokens"
) -> Iterator[ProgressReport]:
    """A bar on standard error if it is a terminal, a line now and then if not, nothing if not asked for.

    Args:
        length: of the data, as `Source.length`.
        show: whether to show anything.
        task: what is done.
        unit: what is counted.
    """
    console = Console(stderr=True)
    if not show or not console.is_terminal:
        yield ProgressReport(task, unit, length, None, lines=show)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        *([TextColumn("{task.percentage:>3.0f}%")] if length is not None else []),
        TextColumn("{task.fields[speed]}"),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console) as bar:
        yield ProgressReport(task, unit, length, bar, lines=False)
