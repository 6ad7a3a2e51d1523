"""Every part goes through the final norm by itself."""

import torch

from tutorial_lib import add_hooks, cache_residual_streams, map_model, read_output


def attribution(model, input_ids, answers, others):
    parts = map_model(model)
    depth = parts.n_layers
    written = {}

    def record(name):
        def hook(module, args, output):
            written[name] = read_output(output)[:, -1].clone()

        return hook

    hooks = []
    for layer in range(depth):
        hooks.append((parts.attention(layer), record(f"attention_{layer}")))
        hooks.append((parts.mlp(layer), record(f"mlp_{layer}")))
    with add_hooks([], hooks):
        streams, _ = cache_residual_streams(model, input_ids, [0, depth])

    with torch.no_grad():
        word = parts.unembedding.weight
        toward = word[answers] - word[others]
        written = {"embedding": streams["layer_0"][:, -1], **written}
        return {name: (parts.final_norm(vector) * toward).sum(-1) for name, vector in written.items()}
