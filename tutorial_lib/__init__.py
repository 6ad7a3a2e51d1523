"""Read and edit what happens inside a HuggingFace transformer, with plain PyTorch hooks.

from tutorial_lib import add_hooks, cache_residual_streams, load_model

model, tokenizer = load_model()
cache, output = cache_residual_streams(model, **tokenizer("Hello there", return_tensors="pt"))
"""

from tutorial_lib.activations import read_input, read_output, replace_input, replace_output
from tutorial_lib.architecture import ModelMap, map_model
from tutorial_lib.blocks import find_blocks
from tutorial_lib.directions import (
    ablate_direction_everywhere,
    difference_of_means,
    orthogonalize_weights,
)
from tutorial_lib.hooks import UnfiredHookWarning, add_hooks
from tutorial_lib.interventions import (
    ablate_direction_from_residual,
    add_vector_to_residual_stream,
    edit_residual_stream,
    position_aware_residual_hook,
)
from tutorial_lib.lens import direct_logit_attribution, logit_lens
from tutorial_lib.models import load_model
from tutorial_lib.patching import activation_patching, patch_residual_stream
from tutorial_lib.positions import (
    select_all,
    select_at,
    select_generated,
    select_last,
    select_mask,
    select_prompt,
    select_rows,
)
from tutorial_lib.residual import cache_residual_streams, get_residual_stream_at_layer
from tutorial_lib.token_selection import TokenSelection
from tutorial_lib.token_text import select_text, show_selection

__version__ = "0.1.0"

__all__ = [
    "ModelMap",
    "TokenSelection",
    "UnfiredHookWarning",
    "ablate_direction_everywhere",
    "ablate_direction_from_residual",
    "activation_patching",
    "add_hooks",
    "add_vector_to_residual_stream",
    "cache_residual_streams",
    "difference_of_means",
    "direct_logit_attribution",
    "edit_residual_stream",
    "find_blocks",
    "get_residual_stream_at_layer",
    "load_model",
    "logit_lens",
    "map_model",
    "orthogonalize_weights",
    "patch_residual_stream",
    "position_aware_residual_hook",
    "read_input",
    "read_output",
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
]
