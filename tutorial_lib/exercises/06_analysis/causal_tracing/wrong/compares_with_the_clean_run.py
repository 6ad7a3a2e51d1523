"""The distance to the clean run is taken for what came back."""

import torch

from tutorial_lib import add_hooks, cache_residual_streams, find_blocks


def causal_trace(model, input_ids, subject, noise, answer):
    blocks = find_blocks(model)
    clean, _ = cache_residual_streams(model, input_ids)

    def add_noise(module, args):
        noisy = args[0].clone()
        noisy[:, subject] += noise
        return (noisy, *args[1:])

    def restore(layer, position):
        def paste(module, args):
            restored = args[0].clone()
            restored[:, position] = clean[f"layer_{layer}"][:, position]
            return (restored, *args[1:])

        return blocks[layer], paste

    def log_probability(*hooks):
        with torch.no_grad(), add_hooks([(blocks[0], add_noise), *hooks]):
            logits = model(input_ids).logits
        return logits[0, -1].log_softmax(-1)[answer]

    with torch.no_grad():
        before = model(input_ids).logits[0, -1].log_softmax(-1)[answer]
    grid = torch.zeros(len(blocks), input_ids.shape[1])
    for layer in range(len(blocks)):
        for position in range(input_ids.shape[1]):
            grid[layer, position] = log_probability(restore(layer, position)) - before
    return grid
