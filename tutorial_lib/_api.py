"""The public names. `tutorial_lib` hands them out, and loads this file when the first one is asked for."""

from tutorial_lib.activations import read_input, read_output, replace_input, replace_output
from tutorial_lib.architecture.model_map import ModelMap
from tutorial_lib.architecture.stream import UnaddressableStreamError
from tutorial_lib.architecture.verification import Verification
from tutorial_lib.collect import (
    ActivationStore,
    collect_residual_streams,
    collect_statistics,
    read_statistics,
)
from tutorial_lib.directions import (
    ablate_direction_everywhere,
    difference_of_means,
    orthogonalize_weights,
)
from tutorial_lib.hook_calls import HookCalls, HookCount, UnexpectedCallsError
from tutorial_lib.hooks import UnfiredHookWarning, add_hooks
from tutorial_lib.interventions import (
    ablate_direction_from_residual,
    add_vector_to_residual_stream,
    edit_residual_stream,
    position_aware_residual_hook,
)
from tutorial_lib.leftovers import LeftoverHook, leftover_hooks
from tutorial_lib.lens import direct_logit_attribution, logit_lens
from tutorial_lib.maps import find_blocks, map_model
from tutorial_lib.models import load_model
from tutorial_lib.patching import activation_patching, patch_residual_stream
from tutorial_lib.residual import cache_residual_streams, get_residual_stream_at_layer
from tutorial_lib.tokens.select import (
    select_all,
    select_at,
    select_generated,
    select_last,
    select_mask,
    select_prompt,
    select_rows,
)
from tutorial_lib.tokens.selection import TokenSelection
from tutorial_lib.tokens.text import select_text, show_selection
from tutorial_lib.verify.verify import verify_model

__all__ = [
    "ActivationStore",
    "HookCalls",
    "HookCount",
    "LeftoverHook",
    "ModelMap",
    "TokenSelection",
    "UnaddressableStreamError",
    "UnexpectedCallsError",
    "UnfiredHookWarning",
    "Verification",
    "ablate_direction_everywhere",
    "ablate_direction_from_residual",
    "activation_patching",
    "add_hooks",
    "add_vector_to_residual_stream",
    "cache_residual_streams",
    "collect_residual_streams",
    "collect_statistics",
    "difference_of_means",
    "direct_logit_attribution",
    "edit_residual_stream",
    "find_blocks",
    "get_residual_stream_at_layer",
    "leftover_hooks",
    "load_model",
    "logit_lens",
    "map_model",
    "orthogonalize_weights",
    "patch_residual_stream",
    "position_aware_residual_hook",
    "read_input",
    "read_output",
    "read_statistics",
    "replace_input",
    "replace_output",
    "select_all",
    "select_at",
    "select_generated",
    "select_last",
    "select_mask",
    "select_prompt",
    "select_rows",
    "select_text",
    "show_selection",
    "verify_model",
]
