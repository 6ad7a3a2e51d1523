"""A function made in a loop is taken to keep the value that the loop's variable had."""

import torch

from tutorial_lib import map_model


def block_parts(model, layer, ids):
    parts = map_model(model)
    kept, handles = {}, []
    for name in ("attention", "mlp"):

        def keep(module, args, output):
            hidden = output[0] if isinstance(output, tuple) else output
            kept[name] = hidden.reshape(*ids.shape, -1)

        handles.append(getattr(parts, name)(layer).register_forward_hook(keep))
    with torch.no_grad():
        model(ids)
    for handle in handles:
        handle.remove()
    return kept["attention"], kept["mlp"]
