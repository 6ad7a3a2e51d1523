"""The right place, and a tuple that is written into."""


def steer(block, vector):
    def hook(module, args):
        args[0] = args[0] + vector
        return args

    return block.register_forward_pre_hook(hook)
