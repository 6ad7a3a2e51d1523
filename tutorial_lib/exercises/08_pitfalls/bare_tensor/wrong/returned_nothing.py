"""The bare tensor is no longer returned, and nothing else is."""


def steer(block, vector):
    def hook(module, args):
        stream = args[0]
        stream = stream + vector

    return block.register_forward_pre_hook(hook)
