"""The stream of this call is returned in place of the first; no return at all was meant.

Right on: box, bloom (their blocks get only the stream by position)
"""


def keep_first(block, cache):
    def hook(module, args):
        cache.setdefault("first", args[0].clone())
        return args[0]

    return block.register_forward_pre_hook(hook)
