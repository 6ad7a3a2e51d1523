"""A new stream is made, and the old arguments are returned."""


def steer(block, vector):
    def hook(module, args):
        stream = args[0]
        stream = stream + vector
        return args

    return block.register_forward_pre_hook(hook)
