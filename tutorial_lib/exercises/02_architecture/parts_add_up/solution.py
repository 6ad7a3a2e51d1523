import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    """What attention and MLP of a block give out: two tensors `[batch, seq, d_model]`."""
    parts = map_model(model)
    kept = {}

    def keep_as(name):
        def hook(module, args, output):
            hidden = output if isinstance(output, torch.Tensor) else output[0]
            kept[name] = hidden.clone().reshape(*ids.shape, -1)

        return hook

    handles = []
    try:
        handles.append(parts.attention(layer).register_forward_hook(keep_as("attention")))
        handles.append(parts.mlp(layer).register_forward_hook(keep_as("mlp")))
        with torch.no_grad():
            model(ids)
    finally:
        for handle in handles:
            handle.remove()
    return kept["attention"], kept["mlp"]
