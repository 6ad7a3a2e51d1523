"""The mask and the cache are looked for among the keyword arguments, which are not returned."""


def steer(block, vector):
    def hook(module, args, kwargs):
        return (args[0] + vector, *args[1:])

    return block.register_forward_pre_hook(hook, with_kwargs=True)
