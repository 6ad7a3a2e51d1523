"""The model is returned, as if it were a new one."""

import torch
from transformers.pytorch_utils import Conv1D


def orthogonalize(model, writers, direction):
    unit = direction / direction.norm()

    def without(vectors):
        return vectors - (vectors @ unit).unsqueeze(-1) * unit

    head = model.get_output_embeddings()
    if head.weight is model.get_input_embeddings().weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone())
    with torch.no_grad():
        for module in writers:
            if isinstance(module, (torch.nn.Embedding, Conv1D)):
                module.weight.copy_(without(module.weight))
            else:
                module.weight.copy_(without(module.weight.T).T)
            if getattr(module, "bias", None) is not None:
                module.bias.copy_(without(module.bias))
    return model
