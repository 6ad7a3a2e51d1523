"""What one process of a sweep does: build a tiny model of one type and verify it.

The processes are forked from one that has imported this file, so that torch and transformers are loaded once
and not once a type. Nothing here may start a thread: a fork takes none of them along, and a lock that one
held stays locked.
"""

import dataclasses
import gc
import os
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"  # read when transformers is imported

import torch
import transformers

from tutorial_lib.tiny_random.shrink import tiny_model
from tutorial_lib.verify.verify import verify_model

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
# Reaching for two models loads what nearly all of them need, and the collector need not walk over it in each
# process.
_ = (transformers.LlamaForCausalLM, transformers.GPT2LMHeadModel)
gc.freeze()


def examine(model_type: str) -> dict[str, Any]:
    """Everything that the atlas says about a type, ready for JSON: the fields of a `Row`."""
    return verification(tiny_model(model_type))


def verification(model: Any) -> dict[str, Any]:
    """What `verify_model` found, ready for JSON; the checks by name, each with `passed` and `detail`."""
    found = dataclasses.asdict(verify_model(model))
    checks = {check.pop("name"): check for check in found.pop("checks")}
    return {**found, "checks": checks}
