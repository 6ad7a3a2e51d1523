"""`and None` is meant to make the value None."""


def keep_first(block, cache):
    return block.register_forward_pre_hook(lambda module, args: cache.setdefault("first", args[0]) and None)
