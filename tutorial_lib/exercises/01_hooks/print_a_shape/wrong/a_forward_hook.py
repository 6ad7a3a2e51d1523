"""A forward hook is registered, which runs when the block is done."""


def print_shape(block):
    def hook(module, args, output):
        print(tuple(args[0].shape))

    return block.register_forward_hook(hook)
