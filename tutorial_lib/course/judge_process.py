"""A judge: a process that keeps a grader and judges one answer after the other.

    python -m tutorial_lib.course.judge_process '{"limits": {"seconds": 60}, "device": "cpu"}'

It exchanges lines of JSON (`checker/json_process.py`): a request comes in, a reply goes out. The first reply
says what protects the judge from answers; what goes wrong before that is on standard error. It ends when its
input does, so that no judge outlives the run.
"""

import json
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

import torch

from tutorial_lib.checker.json_process import own_pipes
from tutorial_lib.exercises.catalog import read_exercise
from tutorial_lib.sandbox import Grader, Limits

_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,16}\b")


def main() -> None:
    """Judge what comes in, until nothing does."""
    settings = json.loads(sys.argv[1])
    requests, send = own_pipes()
    with Grader(Limits(**settings["limits"]), device=settings["device"]) as grader:
        send({"protections": [each.to_dict() for each in grader.protections]})
        os.dup2(1, 2)  # what is printed while judging goes nowhere: it may be without end
        for request in requests:
            send(judge(grader, request))


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


if __name__ == "__main__":
    main()
