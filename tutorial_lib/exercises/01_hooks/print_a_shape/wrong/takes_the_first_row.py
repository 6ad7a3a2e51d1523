"""`args[0]` is taken for another tuple that has the stream inside."""


def print_shape(block):
    def hook(module, args):
        hidden = args[0][0]
        print(tuple(hidden.shape))

    return block.register_forward_pre_hook(hook)
