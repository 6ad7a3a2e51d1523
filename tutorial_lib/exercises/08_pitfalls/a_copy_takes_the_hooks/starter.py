import copy


def steer_with_twin(model, block, vector):
    """Steer the block with the vector `[d_model]`; return the handle and a plain copy of the model."""

    def hook(module, args):
        return (args[0] + vector, *args[1:])

    handle = block.register_forward_pre_hook(hook)
    twin = copy.deepcopy(model)
    return handle, twin
