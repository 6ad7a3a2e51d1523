"""All arguments, in a list."""


def steer(block, vector):
    def hook(module, args):
        return [args[0] + vector, *args[1:]]

    return block.register_forward_pre_hook(hook)
