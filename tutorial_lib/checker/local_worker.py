"""The process that a student's code is checked in: it can be stopped, and it may crash.

Started by `local_process.py`, with which it exchanges lines of JSON. What the student's code reads and prints
goes elsewhere. It loads PyTorch and the models once; then, as "fork", it makes a copy of itself for each
answer, and, as "spawn", it checks one answer and ends. So no answer meets what an earlier one left behind.
"""

import contextlib
import faulthandler
import os
import signal
import sys
from pathlib import Path

from tutorial_lib.checker.json_process import Message, Send, own_pipes
from tutorial_lib.checker.report import CRASHED, Report
from tutorial_lib.exercises.catalog import read_exercise


def main(method: str) -> None:
    """Take requests from standard input until it ends, and write what comes of them to standard output."""
    requests, send = own_pipes()
    faulthandler.enable()
    try:
        _load()
    except Exception as error:  # of any class: whatever an installation can lack
        send({"error": f"{type(error).__name__}: {error}"})
        return
    send({"ready": True})
    for request in requests:
        if method == "spawn":
            _check(request, send)
        _check_in_a_copy(request, send)


def _load() -> None:
    """Load what takes time, the models of most exercises too."""
    import torch

    from tutorial_lib.checker import in_process  # noqa: F401 - it loads the rest
    from tutorial_lib.exercises.catalog import MODELS

    torch.set_num_threads(1)  # on models of this size a second thread costs more than it brings
    _load_models(MODELS)


def _load_models(models: tuple[str, ...]) -> None:
    """Make models, which are remembered. None is run: a copy of this process must find no threads."""
    from tutorial_lib.checker.case import Case, CaseSpec

    for model in models:
        Case(CaseSpec(model)).model  # noqa: B018 - it is made when it is asked for


def _check_in_a_copy(request: Message, send: Send) -> None:
    if sys.platform == "win32":
        raise OSError("Windows has no fork")
    with contextlib.suppress(Exception):  # of any class: the copy will meet it too, and tell
        _load_models(read_exercise(Path(request["folder"])).models)
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)  # so that it can be stopped with all that it starts
        send({"id": request["id"], "pid": os.getpid()})
        _check(request, send)
    _, status = os.waitpid(child, 0)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)  # what the answer started
    send({"id": request["id"], "ended": os.waitstatus_to_exitcode(status)})


def _check(request: Message, send: Send) -> None:
    """Check an answer, send the report, and end this process at once, whatever the answer left running."""
    from tutorial_lib.checker.in_process import case_specs, check_source

    # Ends the process and notes where it was, even in a loop in C, and if nobody waits for it any more.
    faulthandler.dump_traceback_later(request["seconds"], exit=True)
    _limit_memory(request["memory_mb"])
    exercise = read_exercise(Path(request["folder"]))
    try:
        specs = case_specs(exercise, seed=request["seed"], variant=request["variant"])
        report = check_source(exercise, request["source"], specs, request["filename"])
        message: Message = {"report": report.to_dict()}
    except KeyboardInterrupt:  # Ctrl-C does not reach this process: it is the answer's own
        crashed = Report(exercise.name, CRASHED, "Your code raised KeyboardInterrupt.", seed=request["seed"])
        message = {"report": crashed.to_dict()}
    except BaseException as error:  # of any class: `local.py` must hear of it
        message = {"error": f"{type(error).__name__}: {error}"}
    send({"id": request["id"], **message})
    os._exit(0)


def _limit_memory(megabytes: int) -> None:
    """So much more than there is now; only Linux can say how much that is and holds to it."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + megabytes * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard < 0 else min(limit, hard), hard))
