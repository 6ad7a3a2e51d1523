"""Find the parts of a transformer: its blocks, embedding, final norm and unembedding.

    print(map_model(model))

`architecture/` has the rules, `verify/` measures whether what they found is true.
"""

from dataclasses import replace

from torch import nn

from tutorial_lib.architecture.model_map import ModelMap, parts_of
from tutorial_lib.architecture.stream import stream_of
from tutorial_lib.verify.verify import verified, verify_model

__all__ = ["find_blocks", "map_model", "verify_model"]


def find_blocks(model: nn.Module) -> nn.ModuleList:
    """The transformer blocks of a model, from the first to the last.

    The search walks over all modules, so it is done once for a model and then looked up.

    Args:
        model: a decoder language model of transformers, with or without a head, also inside of a wrapper.

    Returns:
        The model's own list: `blocks[i]` reads the residual stream at layer i, `[batch, seq, d_model]`.

    Raises:
        ValueError: the model has no blocks of a decoder; the message says what was looked for.
    """
    return stream_of(model).blocks


def map_model(model: nn.Module, *, verify: bool = False) -> ModelMap:
    """Finds the parts of a decoder language model.

    Args:
        model: a transformers model, with or without a language-model head.
        verify: also run the model on a few tokens and compare what is found with what happens, see
            `verify_model`; the result is the map's `verification`.

    Returns:
        The map. It holds the model's own modules, no copies.

    Raises:
        ValueError: the model has no blocks or no token embedding; with `verify`, the map is wrong.
        UnaddressableStreamError: with `verify`, the stream is not one `[batch, seq, d_model]` tensor that an
            edit at the input of a block reaches.
    """
    found = parts_of(model)
    return replace(found, verification=verified(model)) if verify else found
