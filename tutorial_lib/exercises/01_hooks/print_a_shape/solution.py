def print_shape(block):
    """Print the shape of what comes into the block each time it runs; return the handle of the hook."""

    def hook(module, args):
        print(tuple(args[0].shape))

    return block.register_forward_pre_hook(hook)
