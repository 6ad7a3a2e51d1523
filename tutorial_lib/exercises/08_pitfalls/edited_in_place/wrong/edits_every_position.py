"""A new tensor is made, with the vector at every position."""


def steer_last(block, vector):
    def hook(module, args):
        stream = args[0] + vector
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
