"""The keywords are a nuisance, so the hook takes what comes out."""

import torch


def attention_input(model, attention, ids):
    kept = []

    def hook(module, args, output):
        kept.append(output[0].clone())

    handle = attention.register_forward_hook(hook)
    with torch.no_grad():
        model(ids)
    handle.remove()
    return kept[0]
