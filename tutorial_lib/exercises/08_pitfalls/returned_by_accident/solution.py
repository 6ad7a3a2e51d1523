def keep_first(block, cache):
    """Keep the stream that comes into the block in its first call, in `cache["first"]`; return the handle."""

    def hook(module, args):
        if "first" not in cache:
            cache["first"] = args[0].clone()

    return block.register_forward_pre_hook(hook)
