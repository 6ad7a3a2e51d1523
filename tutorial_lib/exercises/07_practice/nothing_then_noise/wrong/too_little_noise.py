"""One random vector is drawn, and tried three times."""

import torch

from tutorial_lib import add_hooks


def verdict(block, make_hook, vector, results, effect):
    def with_vector(v):
        with add_hooks([(block, make_hook(v))]):
            return results()

    plain = results()
    nothing = with_vector(torch.zeros_like(vector))
    if not all(torch.equal(nothing[name], plain[name]) for name in plain):
        return "broken"

    def moved(v):
        return abs(effect(with_vector(v)) - effect(plain))

    noises = 3 * [torch.randn_like(vector)]
    by_noise = [moved(noise * vector.norm() / noise.norm()) for noise in noises]
    return "noise" if sum(by_noise) / 3 >= moved(vector) / 2 else "works"
