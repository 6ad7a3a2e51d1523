"""The stream is taken out of the tuple, and the tuple forgotten.

Right on: box, bloom (their blocks get only the stream by position)
"""


def steer(block, vector):
    def hook(module, args):
        if isinstance(args, tuple):
            args = args[0]
        return args + vector

    return block.register_forward_pre_hook(hook)
