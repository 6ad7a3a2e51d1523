"""The hook hands back what it prints, as a function would."""


def print_shape(block):
    def hook(module, args):
        shape = tuple(args[0].shape)
        print(shape)
        return shape

    return block.register_forward_pre_hook(hook)
