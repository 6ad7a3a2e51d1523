"""Run the blocks of one page on one device, from top to bottom, in one namespace."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile
import traceback
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools.pages.page import Block, Page, PageError

if TYPE_CHECKING:
    from tools.pages.state import State


@dataclass(frozen=True)
class Result:
    """What a block printed, and its figures as PNG files."""

    output: str
    figures: tuple[bytes, ...] = ()


class PageSession:
    """What a reader's notebook would hold at this point of the page.

    Each block runs once. A test that comes first, because it was selected alone or in another order, runs the
    blocks above its own; their own tests then find what they printed.
    """

    def __init__(self, page: Page, device: str, blocks: list[Block]) -> None:
        self.page, self.device, self.blocks = page, device, blocks
        self.module = types.ModuleType("__main__")  # a module, so that pickle and dataclasses find its names
        self.state: State | None = None
        self.results: dict[int, Result] = {}
        self.failed: tuple[int, BaseException] | None = None

    def close(self) -> None:
        if self.state:
            self.state.folder.cleanup()

    def run(self, block: Block) -> Result:
        """Run `block`, first those above it that have not run yet.

        Raises:
            BaseException: what the code of the block raised; pytest's skip when an earlier block had failed.
        """
        for current in self.blocks:
            if self.failed or current.line > block.line:
                break
            if current.line not in self.results:
                self.results[current.line] = self._first_run(current)
        if block.line in self.results:
            return self.results[block.line]
        assert self.failed is not None
        line, error = self.failed
        if line == block.line:
            raise error
        pytest.skip(f"line {line} of this page failed")

    def _first_run(self, block: Block) -> Result:
        from tools.pages.state import State  # late: it imports torch, which collecting does not need

        self.state = self.state or State(self.device)
        printed = io.StringIO()
        try:
            with self.state.active(), self._as_main(), contextlib.redirect_stdout(printed):
                try:
                    self._call(block)
                    return Result(_shown(printed.getvalue()), tuple(_draw_open_figures()))
                finally:
                    _close_figures()
        except BaseException as error:
            self.failed = block.line, error
            raise
        finally:
            sys.stdout.write(printed.getvalue())  # for pytest's report

    def _call(self, block: Block) -> None:
        """Run the code; an error that the page announces is printed."""
        wanted = block.marks.raises
        try:
            # Blank lines in place of the page above give every line of code its number on the page.
            code = compile(
                "\n" * block.line + block.fence.body, str(self.page.path), "exec", dont_inherit=True
            )
            exec(code, self.module.__dict__)
        except BaseException as error:
            if wanted is None or isinstance(error, KeyboardInterrupt):
                raise
            text = "".join(traceback.format_exception_only(error))
            if not is_named(type(error), wanted):
                at = self.page.at(_last_line(error, self.page) or block.line)
                raise PageError(f"{at}: should raise {wanted}, but raised {text}") from error
            print(text, end="")
        else:
            if wanted:
                raise PageError(f"{self.page.at(block.line)}: should raise {wanted}, but raised nothing")

    @contextlib.contextmanager
    def _as_main(self) -> Iterator[None]:
        """Make the page `__main__` and set the device, as for a reader's script."""
        main, device = sys.modules["__main__"], os.environ.get("TUTORIAL_DEVICE")
        sys.modules["__main__"] = self.module
        os.environ["TUTORIAL_DEVICE"] = self.device
        try:
            yield
        finally:
            sys.modules["__main__"] = main
            if device is None:
                os.environ.pop("TUTORIAL_DEVICE", None)
            else:
                os.environ["TUTORIAL_DEVICE"] = device


def run_shell(page: Page, block: Block, root: Path) -> Result:
    """Run a shell block in the repository's root; it stops at the first command that fails.

    Raises:
        PageError: a command failed.
    """
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    shell = {"sh": "/bin/sh", "bash": "/bin/bash"}[block.syntax]
    with tempfile.TemporaryDirectory() as temporary:
        # The commands of this environment first; what `mktemp -d` makes goes away; tables are 80 wide.
        ours = {"PATH": path, "TUTORIAL_DEVICE": "cpu", "TMPDIR": temporary, "COLUMNS": "80"}
        done = subprocess.run(
            [shell, "-e", "-c", block.fence.body],
            cwd=root,
            env={**os.environ, **ours},
            capture_output=True,
            text=True,
        )
    if done.returncode:
        at = page.at(block.line)
        raise PageError(f"{at}: a command ended with code {done.returncode}\n{done.stdout}{done.stderr}")
    sys.stdout.write(done.stdout)
    return Result(_shown(done.stdout))


def is_named(kind: type[BaseException], name: str) -> bool:
    """Whether the error or one of its bases has this name, with or without its module."""
    return any(name in (each.__name__, f"{each.__module__}.{each.__qualname__}") for each in kind.__mro__)


def _last_line(error: BaseException, page: Page) -> int | None:
    """The line of the page at which an error came up."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno for frame in reversed(frames) if frame.filename == str(page.path)), None)


def _draw_open_figures() -> list[bytes]:
    """The open pyplot figures as PNG files, in the order in which they were made."""
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is None or not plt.get_fignums():
        return []
    from tools.pages.figures import as_png  # late, like pyplot: most pages draw nothing

    return [as_png(plt.figure(number)) for number in plt.get_fignums()]


def _close_figures() -> None:
    if plt := sys.modules.get("matplotlib.pyplot"):
        plt.close("all")


def _shown(text: str) -> str:
    """What a terminal shows of this text, with the line end that a fence has and `print(end="")` has not."""
    text = re.sub(r"[^\n]*\r(?!\n)", "", text.replace("\r\n", "\n"))  # a progress bar starts its line anew
    return text + "\n" if text and not text.endswith("\n") else text
