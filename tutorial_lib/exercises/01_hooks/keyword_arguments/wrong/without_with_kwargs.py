"""The hook wants the keyword arguments, but nobody told PyTorch."""

import torch


def attention_input(model, attention, ids):
    kept = []

    def hook(module, args, kwargs):
        hidden = args[0] if args else kwargs["hidden_states"]
        kept.append(hidden.clone())

    handle = attention.register_forward_pre_hook(hook)
    with torch.no_grad():
        model(ids)
    handle.remove()
    return kept[0]
