"""A shallow copy, before the hook is on, of a model whose blocks both share."""

import copy


def steer_with_twin(model, block, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    twin = copy.copy(model)
    handle = block.register_forward_pre_hook(hook)
    return handle, twin
