"""The handle is used to take the hook off the copy."""

import copy


def steer_with_twin(model, block, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    twin = copy.deepcopy(model)
    handle.remove()
    return handle, twin
