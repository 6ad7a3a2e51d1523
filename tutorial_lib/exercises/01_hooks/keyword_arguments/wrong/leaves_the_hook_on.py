"""The hook is never taken off."""

import torch


def attention_input(model, attention, ids):
    kept = []

    def hook(module, args, kwargs):
        hidden = args[0] if args else kwargs["hidden_states"]
        kept.append(hidden.clone())

    attention.register_forward_pre_hook(hook, with_kwargs=True)
    with torch.no_grad():
        model(ids)
    return kept[0]
