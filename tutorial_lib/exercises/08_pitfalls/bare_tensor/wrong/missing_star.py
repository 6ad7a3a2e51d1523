"""The rest of the arguments is there, but as one argument."""


def steer(block, vector):
    def hook(module, args):
        return (args[0] + vector, args[1:])

    return block.register_forward_pre_hook(hook)
