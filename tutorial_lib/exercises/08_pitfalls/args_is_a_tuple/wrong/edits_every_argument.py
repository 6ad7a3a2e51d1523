"""Every element of the tuple is edited, as if each were the stream.

Right on: box, bloom (their blocks get only the stream by position)
"""


def steer(block, vector):
    def hook(module, args):
        return tuple(each + vector for each in args)

    return block.register_forward_pre_hook(hook)
