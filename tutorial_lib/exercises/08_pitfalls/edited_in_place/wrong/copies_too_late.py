"""The copy is made after the edit."""


def steer_last(block, vector):
    def hook(module, args):
        stream = args[0]
        stream[:, -1] += vector
        return (stream.clone(), *args[1:])

    return block.register_forward_pre_hook(hook)
