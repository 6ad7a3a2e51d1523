"""`detach` gives another tensor on the same memory."""


def steer_last(block, vector):
    def hook(module, args):
        stream = args[0].detach()
        stream[:, -1] += vector
        return (stream, *args[1:])

    return block.register_forward_pre_hook(hook)
