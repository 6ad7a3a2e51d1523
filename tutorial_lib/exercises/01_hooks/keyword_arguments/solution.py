import torch


def attention_input(model, attention, ids):
    """The hidden state that the attention is called with, `[batch, seq, d_model]`."""
    kept = []

    def hook(module, args, kwargs):
        hidden = args[0] if args else kwargs["hidden_states"]
        kept.append(hidden.clone())

    handle = attention.register_forward_pre_hook(hook, with_kwargs=True)
    try:
        with torch.no_grad():
            model(ids)
    finally:
        handle.remove()
    return kept[0]
