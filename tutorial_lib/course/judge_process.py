"""A judge: a process that keeps a grader and judges one answer after the other.

    python -m tutorial_lib.course.judge_process '{"limits": {"seconds": 60}, "device": "cpu"}'

Each line that comes in is a request, each line that goes out a reply, both JSON. The first line that goes out
says what protects the judge from answers; what goes wrong before is on the standard error. It ends when its
input does, so that no judge outlives the run.
"""

import dataclasses
import json
import os
import random
import re
import sys
from pathlib import Path
from typing import IO, Any

import torch

from tutorial_lib.exercises.catalog import read_exercise
from tutorial_lib.sandbox import Grader, Limits

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")


def main() -> None:
    """Judge what comes in, until nothing does."""
    settings = json.loads(sys.argv[1])
    with _own_output() as out, Grader(Limits(**settings["limits"]), device=settings["device"]) as grader:
        _say(out, {"protections": protections(grader)})
        _silence()
        for line in sys.stdin:
            _say(out, judge(grader, json.loads(line)))


def judge(grader: Grader, request: dict[str, Any]) -> dict[str, Any]:
    """The report on the answer of a request, or the error of a judge that could not come to one."""
    hidden = request["hidden"]
    # An answer that draws random numbers should draw the same ones on a regrade, whatever ran before it.
    random.seed(request["seed"])
    torch.manual_seed(request["seed"])
    try:
        report = grader.grade(
            read_exercise(Path(request["exercise"])),
            request["source"],
            seed=request["seed"],
            variant=request["variant"],
            hidden=Path(hidden) if hidden else None,
        )
    except Exception as error:  # of any class: a fault in the checks is no reason to stop the run
        return {"error": f"{type(error).__name__}: {error}"}
    return {"report": steady(report.to_dict())}


def steady(value: Any) -> Any:
    """Plain values without addresses of objects, which are others in each process."""
    if isinstance(value, str):
        return _ADDRESS.sub("0x...", value)
    if isinstance(value, dict):
        return {name: steady(part) for name, part in value.items()}
    return [steady(part) for part in value] if isinstance(value, (list, tuple)) else value


def protections(grader: Grader) -> Any:
    """What keeps the answers of a grader away from the judge, as plain values."""
    known = getattr(grader, "protections", None)
    return {"isolation": "none: answers run in the judge's process"} if known is None else _plain(known)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in sorted(value.items())}  # as the journal has it
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _own_output() -> IO[str]:
    """The standard output for replies alone: whatever else prints goes to the standard error."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    return out


def _silence() -> None:
    """What is printed while judging is nobody's business, and may be without end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)


def _say(out: IO[str], reply: dict[str, Any]) -> None:
    out.write(json.dumps(reply) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
