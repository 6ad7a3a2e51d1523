"""New weights are loaded into the copy, as if the steering were in them."""

import copy


def steer_with_twin(model, block, vector):
    def hook(module, args):
        return (args[0] + vector, *args[1:])

    weights = copy.deepcopy(model.state_dict())
    handle = block.register_forward_pre_hook(hook)
    twin = copy.deepcopy(model)
    twin.load_state_dict(weights)
    return handle, twin
