import torch

from tutorial_lib import map_model


def stream_into(model, layer, ids):
    kept = []
    map_model(model).blocks[layer].register_forward_pre_hook(lambda m, args: kept.append(args[0].clone()))
    with torch.no_grad():
        model(ids)
    return kept[0]
