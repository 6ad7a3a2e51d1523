"""All hooks are thrown off the copy, whoever put them on."""

import copy


def steer_with_twin(model, block, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    twin = copy.deepcopy(model)
    for module in twin.modules():
        module._forward_pre_hooks.clear()
        module._forward_hooks.clear()
    return handle, twin
