"""The error says that only a tuple can be added to a tuple, so the vector is made one."""


def steer(block, vector):
    def hook(module, args):
        return args + (vector,)

    return block.register_forward_pre_hook(hook)
