"""The bare tensor is made a tuple of one, as PyTorch would do by itself.

Right on: box (its block gets only the stream by position)
"""


def steer(block, vector):
    def hook(module, args):
        return (args[0] + vector,)

    return block.register_forward_pre_hook(hook)
