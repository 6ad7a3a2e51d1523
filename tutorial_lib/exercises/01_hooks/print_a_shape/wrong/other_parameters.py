"""The hook is written as if it were given the stream alone."""


def print_shape(block):
    def hook(stream):
        print(tuple(stream.shape))

    return block.register_forward_pre_hook(hook)
