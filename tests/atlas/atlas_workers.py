"""Workers of a sweep that misbehave, each in the way that its "type" says."""

import os
import signal
import time
from typing import Any

import torch


def misbehave(model_type: str) -> dict[str, Any]:
    """What a sweep calls in a process of its own."""
    if model_type == "hangs":
        time.sleep(600)
    if model_type == "eats memory":
        return {"hoard": [bytearray(2**28) for _ in range(64)]}
    if model_type == "eats memory in torch":
        return {"hoard": torch.ones(2**33).numel()}
    if model_type == "is killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if model_type == "exits":
        os._exit(3)
    if model_type == "raises":
        raise KeyError("no such part")
    print("what a model prints is not for the user of a sweep")
    return {"process": os.getpid()}
