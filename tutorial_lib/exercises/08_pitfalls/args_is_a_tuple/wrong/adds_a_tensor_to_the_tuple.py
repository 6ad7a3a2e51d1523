"""The question is taken away, since it was never true."""


def steer(block, vector):
    def hook(module, args):
        return args + vector

    return block.register_forward_pre_hook(hook)
