import torch

from tutorial_lib import map_model, read_output


def stream_into(model, layer, ids):
    kept = []
    block = map_model(model).blocks[layer]
    handle = block.register_forward_hook(lambda module, args, out: kept.append(read_output(out).clone()))
    with torch.no_grad():
        model(ids)
    handle.remove()
    return kept[0]
