"""The copy is edited and not returned, so the block gets the stream as it was."""


def steer_last(block, vector):
    def hook(module, args):
        stream = args[0].clone()
        stream[:, -1] += vector

    return block.register_forward_pre_hook(hook)
