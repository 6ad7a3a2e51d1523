"""Logits are compared, which can all rise together."""

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

    def logit(*hooks):
        with torch.no_grad(), add_hooks([(blocks[0], add_noise), *hooks]):
            logits = model(input_ids).logits
        return logits[0, -1][answer]

    corrupt = logit()
    grid = torch.zeros(len(blocks), input_ids.shape[1])
    for layer in range(len(blocks)):
        for position in range(input_ids.shape[1]):
            grid[layer, position] = logit(restore(layer, position)) - corrupt
    return grid
