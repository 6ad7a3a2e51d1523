"""Collections in processes that can be killed, of one process that has imported everything once.

`Forks` starts this file as a program. It forks itself for each collection, so that one costs no start of
PyTorch, and kills it where it is told to: after a share of its processor time, which does not depend on how
busy the machine is, or at a step of the writing of one file.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests import ROOT

HANGS = 600  # seconds after which a process group that waits for itself is ended
ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",  # or the tokenizer would have threads, which a fork loses
    "HF_HUB_OFFLINE": "1",
    "TUTORIAL_DEVICE": "cpu",
    "TUTORIAL_MODEL": "",
}


@dataclass(frozen=True)
class Kill:
    """Where kill -9 hits: after so many seconds of processor time, or at a step of the writing of a file.

    Attributes:
        step: "half written", "before its name" or "after its name".
    """

    seconds: float | None = None
    file: str | None = None
    step: str | None = None


@dataclass(frozen=True)
class Ended:
    """How a process ended: by which signal, or 0; and its processor time in seconds."""

    signal: int
    code: int
    seconds: float


@dataclass
class Forks:
    """A context manager; each call is a process that collects, to its end or to where it is killed."""

    log: Path
    _process: Any = field(default=None, init=False)

    def __enter__(self) -> "Forks":
        with open(self.log, "w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.collect.collect_forks"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=ROOT,
                env={**os.environ, **ENVIRONMENT},
            )
        return self

    def __call__(
        self, what: str, out: Path, kill: Kill | None = None, *, ranks: int = 1, **settings: Any
    ) -> Ended:
        """Collects "rows" or "statistics", or does what a process group does in tests: "group".

        Args:
            ranks: so many processes at the same time, which know of each other by the files alone; for
                "group" by a process group, which they find in the environment that a launcher gives them.
        """
        order = {"what": what, "out": str(out), "kill": kill and asdict(kill), "settings": settings}
        order["each"] = [{"rank": rank, "ranks": ranks} for rank in range(ranks)] if ranks > 1 else [{}]
        order["port"] = _free_port() if what == "group" else None
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            ended = Ended(**json.loads(self._process.stdout.readline()))
        except (OSError, ValueError) as error:
            raise RuntimeError(f"the program that forks is gone: {self.log.read_text()}") from error
        if ended.code:
            raise RuntimeError(f"a collection failed: {self.log.read_text()}")
        return ended

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._process.stdout.close()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _work_in_a_group(order: dict[str, Any], each: dict[str, Any]) -> None:
    from tests.collect import collect_in_a_group

    os.environ |= {"RANK": str(each["rank"]), "WORLD_SIZE": str(each["ranks"])}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(order["port"])}
    collect_in_a_group.main(Path(order["settings"]["data"]), Path(order["out"]))


def _killed_at(kill: dict[str, Any]) -> None:
    """Has this process kill itself where a file gets its name."""
    from tutorial_lib import files

    rename = files.replace_file

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def replace(name: Path, path: Path) -> None:
        here = path.name == kill["file"]
        if here and kill["step"] == "half written":
            os.truncate(name, os.path.getsize(name) // 2)
            die()
        if here and kill["step"] == "before its name":
            die()
        rename(name, path)
        if here and kill["step"] == "after its name":
            die()

    files.replace_file = replace


def _collect(order: dict[str, Any], each: dict[str, Any], model: Any, tokenizer: Any) -> None:
    from tutorial_lib import collect
    from tutorial_lib.collect import statistics

    if order["what"] == "group":
        return _work_in_a_group(order, each)
    if order["kill"] and order["kill"]["file"]:
        _killed_at(order["kill"])
    statistics.SAVE_EVERY = 0.0
    statistics.CHUNK_ROWS = 300
    function = {"rows": collect.collect_residual_streams, "statistics": collect.collect_statistics}
    settings = {**order["settings"], **each, "tokenizer": tokenizer, "progress": False}
    function[order["what"]](model, out=order["out"], **settings)


def _seconds_of(process: Any) -> float:
    """The processor time of a process, by the scheduler's clock where there is one, else in hundredths."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/schedstat")
    with contextlib.suppress(OSError, IndexError):
        if found := [int(thread.read_text().split()[0]) for thread in threads]:
            return sum(found) / 1e9
    times = process.cpu_times()
    return float(times.user + times.system)


def _fork(order: dict[str, Any], each: dict[str, Any], model: Any, tokenizer: Any) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _collect(order, each, model, tokenizer)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int, kill: dict[str, Any] | None) -> Ended:
    import psutil

    used = 0.0
    process = psutil.Process(child)
    while True:
        if process.status() != psutil.STATUS_ZOMBIE:
            used = _seconds_of(process)
            if kill and kill["seconds"] is not None and used >= kill["seconds"]:
                os.kill(child, signal.SIGKILL)
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.002)
    return Ended(
        os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
        used,
    )


def _wait_as_a_launcher(children: list[int]) -> Ended:
    """Kills all when one fails, as torchrun does, and when they hang."""
    until, failed = time.monotonic() + HANGS, 0
    while children:
        for child in children.copy():
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                children.remove(child)
                failed = failed or status
        if failed or time.monotonic() > until:
            for child in children:
                os.kill(child, signal.SIGKILL)
            until = float("inf")
        time.sleep(0.01)
    return Ended(failed & 0x7F, failed >> 8, 0.0)


def _run(order: dict[str, Any], model: Any, tokenizer: Any) -> Ended:
    children = [_fork(order, each, model, tokenizer) for each in order["each"]]
    if order["what"] == "group":
        return _wait_as_a_launcher(children)
    ended = [_wait(child, order["kill"]) for child in children]
    return max(ended, key=lambda each: (each.code, each.signal))


def main() -> None:
    import transformers

    from tutorial_lib import collect, load_model  # noqa: F401 - imported once, for all that are forked

    transformers.logging.set_verbosity_error()
    model, tokenizer = load_model()
    for line in sys.stdin:
        print(json.dumps(asdict(_run(json.loads(line), model, tokenizer))), flush=True)


if __name__ == "__main__":
    main()
