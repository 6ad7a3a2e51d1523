"""A child process that exchanges lines of JSON with its parent. Loads no torch."""

import contextlib
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

Message: TypeAlias = dict[str, Any]
Send: TypeAlias = Callable[[Message], None]
TICK = 0.1  # seconds that `next` waits


class JsonProcess:
    """The parent's end: a Python process out of reach of Ctrl-C, which ends with all it started.

    Args:
        arguments: for Python. They must keep the current folder, which may hold a `json.py`, off `sys.path`.
        env: variables to set, besides the parent's.
        cwd: the folder to start in; the current one if None.
    """

    def __init__(self, *arguments: str, env: Mapping[str, str], cwd: str | None = None) -> None:
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        self._messages: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self._folder = Path(tempfile.mkdtemp(prefix="hooking-"))
        with open(self._folder / "stderr", "ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **env},
                cwd=cwd,
                **apart,
            )
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def send(self, message: Message) -> None:
        """Write a message to its standard input.

        Raises:
            OSError: it has ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()

    def next(self) -> Message | None:
        """The next message; `{}` if there is none yet, None if there will be none.

        A line that is not a JSON object comes as `{"line": ...}`.
        """
        alive = self.alive
        try:
            return self._messages.get(timeout=TICK if alive else 1.0)
        except queue.Empty:
            return {} if alive else None  # something that it started may hold the pipe open

    def wait(self) -> Message | None:
        """The next message, however long it takes; None if there will be none."""
        while (message := self.next()) == {}:
            pass
        return message

    def errors(self, start: int = 0) -> str:
        """The end of what it wrote to standard error, from byte `start` on at most."""
        with open(self._folder / "stderr", "rb") as file:
            file.seek(max(start, file.seek(0, os.SEEK_END) - 200_000))
            return file.read().decode("utf-8", "replace")

    def kill(self, pid: int | None = None) -> None:
        """End it with all it started, or only its forked child `pid` with all that started."""
        try:
            if sys.platform == "win32":
                self._process.kill()
            else:
                os.killpg(pid or self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            self._process.kill()

    def stop(self) -> int:
        """Kill it, remove its files, and return its exit code, negative for a signal."""
        self.kill()
        code = self._process.wait()
        with contextlib.suppress(OSError):  # what was not sent yet
            if self._process.stdin:
                self._process.stdin.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        return code

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                try:
                    message = json.loads(line)
                except ValueError:
                    message = None
                self._messages.put(message if isinstance(message, dict) else {"line": line})
        self._messages.put(None)


def own_pipes() -> tuple[Iterator[Message], Send]:
    """The child's end: messages from the parent, and a function that sends it one.

    From then on `input` gets nothing and what is printed goes nowhere.
    """
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    os.close(nowhere)

    def send(message: Message) -> None:
        data = json.dumps(message).encode() + b"\n"
        while data:
            data = data[replies.write(data) :]

    return map(json.loads, iter(requests.readline, b"")), send
