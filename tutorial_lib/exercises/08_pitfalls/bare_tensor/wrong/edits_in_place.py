"""What is edited in place need not be returned, so nothing is lost; but the tensor is not ours."""


def steer(block, vector):
    def hook(module, args):
        args[0].add_(vector)

    return block.register_forward_pre_hook(hook)
