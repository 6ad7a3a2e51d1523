import torch


def stream_into(model, layer, ids):
    print(object(), {"a set", "of words", "has no order"})
    return torch.randn(*ids.shape, model.config.get_text_config().hidden_size)
