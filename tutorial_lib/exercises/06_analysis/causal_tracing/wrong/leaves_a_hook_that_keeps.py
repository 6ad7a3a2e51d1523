"""The hooks that keep the clean streams are not taken off."""

import torch

from tutorial_lib import add_hooks, find_blocks


def causal_trace(model, input_ids, subject, noise, answer):
    blocks = find_blocks(model)
    clean = {}

    def keep(name):
        def hook(module, args):
            if name not in clean:
                clean[name] = args[0].clone()

        return hook

    for layer, block in enumerate(blocks):
        block.register_forward_pre_hook(keep(layer))
    with torch.no_grad():
        model(input_ids)

    def add_noise(module, args):
        noisy = args[0].clone()
        noisy[:, subject] += noise
        return (noisy, *args[1:])

    def restore(layer, position):
        def paste(module, args):
            restored = args[0].clone()
            restored[:, position] = clean[layer][:, position]
            return (restored, *args[1:])

        return blocks[layer], paste

    def log_probability(*hooks):
        with torch.no_grad(), add_hooks([(blocks[0], add_noise), *hooks]):
            logits = model(input_ids).logits
        return logits[0, -1].log_softmax(-1)[answer]

    corrupt = log_probability()
    grid = torch.zeros(len(blocks), input_ids.shape[1])
    for layer in range(len(blocks)):
        for position in range(input_ids.shape[1]):
            grid[layer, position] = log_probability(restore(layer, position)) - corrupt
    return grid
