"""The two words have changed places."""

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
        last = streams[f"layer_{depth}"][:, -1]
        gain = parts.final_norm(last) / last
        word = parts.unembedding.weight
        toward = gain * (word[others] - word[answers])
        written = {"embedding": streams["layer_0"][:, -1], **written}
        return {name: (vector * toward).sum(-1) for name, vector in written.items()}
