import torch
from torch import nn


def find_blocks(model, ids):
    """The nn.ModuleList that the residual stream goes through."""
    lists = [module for module in model.modules() if isinstance(module, nn.ModuleList)]
    comes_in, comes_out = {}, {}

    def note(module, args, output):
        comes_in[module] = args[0] if args else None
        comes_out[module] = output[0] if isinstance(output, (tuple, list)) else output

    handles = [part.register_forward_hook(note) for parts in lists for part in parts]
    try:
        with torch.no_grad():
            model(ids)
    finally:
        for handle in handles:
            handle.remove()

    def is_chain(parts):
        return all(part in comes_in for part in parts) and all(
            comes_out[one] is comes_in[following] for one, following in zip(parts, parts[1:])
        )

    return max(filter(is_chain, lists), key=len)
