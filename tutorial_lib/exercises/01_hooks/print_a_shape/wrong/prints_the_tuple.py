"""`args` is taken for the stream."""


def print_shape(block):
    def hook(module, args):
        print(len(args))

    return block.register_forward_pre_hook(hook)
