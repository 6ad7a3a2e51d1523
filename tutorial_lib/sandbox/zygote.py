"""A clean process that has everything loaded, and forks one child for each job. Linux only.

Importing PyTorch and transformers takes seconds, a fork milliseconds. No answer's code runs here and no job
is read here: a job and its results pass through open files that are handed on to the child, so that nothing
of one student's is in the memory that the next one's process starts with. `runner.py` starts it.
"""

import contextlib
import gc
import itertools
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from tutorial_lib.checker.case import _pristine
from tutorial_lib.exercises.catalog import MODELS
from tutorial_lib.sandbox import (
    answer_folder,
    answer_process,
    confine,
    kernel,
    library_copy,
    supervise,
    users,
)
from tutorial_lib.sandbox.limits import Limits

_LARGEST_MESSAGE = 1 << 16


def main(control: socket.socket) -> None:
    """Say ready, then do what the judge asks for until it hangs up.

    Args:
        control: connected to the judge.
    """
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    hello = json.loads(control.recv(_LARGEST_MESSAGE))
    base, device = Path(hello["base"]), hello["device"]
    paths = library_copy.permitted_paths(base / "library", Path(hello["hidden"]), device)
    numbers = itertools.count()
    try:
        _warm(list(MODELS), device)
        gc.collect()
        gc.freeze()  # objects that are never looked at by the collector stay shared with the children
        _say(control, {"ready": True})
        while True:
            message, fds, _, _ = socket.recv_fds(control, _LARGEST_MESSAGE, 2)
            if not message:
                return
            asked = json.loads(message)
            if not fds:
                continue  # "stop", to a job that has ended meanwhile
            _warm(asked["models"], device)
            plan = _plan(Limits(**asked["limits"]), base, next(numbers), device, paths)
            _say(control, _run(plan, control, fds))
    finally:
        answer_folder.remove_base(base)  # also when the judge was killed


def _say(control: socket.socket, values: dict[str, Any]) -> None:
    control.send(json.dumps(values).encode())


def _warm(models: list[str], device: str) -> None:
    """Build the models that children will copy. Not on a GPU, which a fork would leave behind."""
    if device != "cpu":
        return
    for model in models:
        with contextlib.suppress(Exception):  # of any class: the child will meet it again, and say so
            _pristine(model, device)


def _plan(
    limits: Limits, base: Path, number: int, device: str, paths: library_copy.Paths
) -> confine.Confinement:
    """What the child is to be confined to; makes its folder."""
    user = users.choose_user(paths.readable)
    folder = base / "jobs" / str(number)
    answer_folder.make_home(folder, user.uid)
    return confine.Confinement(limits, folder, user, paths, device)


def _run(plan: confine.Confinement, control: socket.socket, fds: list[int]) -> dict[str, Any]:
    """Run one job in a child; says how it ended."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(plan, fds[0], fds[1], write)
    for fd in (*fds, write):
        os.close(fd)
    with os.fdopen(read, "rb") as file:
        confined = json.loads(file.read() or b"null")
    _say(control, {"started": confined})
    reason = supervise.watch(pid, control, plan.limits, plan.home)
    status = os.waitpid(pid, 0)[1] if reason is None else None
    left = supervise.end_all(plan.user.uid)
    with contextlib.suppress(OSError):
        answer_folder.remove_home(plan.home)
    return {"reason": reason, "status": status, "left": left if reason is None else 0}


def _child(plan: confine.Confinement, job_fd: int, result_fd: int, confined_fd: int) -> NoReturn:
    """The process of one answer. Does not come back."""
    try:
        job = answer_process.read_all(job_fd)
        confine.cut_off([result_fd, confined_fd])
        layers = confine.confine(plan)
        # Said before anything of the answer's runs, and where it cannot say it.
        os.write(confined_fd, json.dumps([layer.to_dict() for layer in layers]).encode())
        os.close(confined_fd)
        if job:
            answer_process.run_job(job, answer_process.send_all(result_fd))
        os._exit(0)
    finally:
        os._exit(1)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
