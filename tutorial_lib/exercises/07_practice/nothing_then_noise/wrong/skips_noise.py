"""An intervention that is not broken and does something counts as working."""

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
    return "works" if effect(with_vector(vector)) != effect(plain) else "noise"
