"""The hook is written, and returned instead of registered."""


def print_shape(block):
    def hook(module, args):
        print(tuple(args[0].shape))

    return hook
