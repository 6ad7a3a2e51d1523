"""A clone is kept, and returned all the same."""


def keep_first(block, cache):
    def hook(module, args):
        return cache.setdefault("first", args[0].clone())

    return block.register_forward_pre_hook(hook)
