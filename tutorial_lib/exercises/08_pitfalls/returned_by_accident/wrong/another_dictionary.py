"""The name `cache` is given to a new dictionary, which nobody else sees."""


def keep_first(block, cache):
    def hook(module, args):
        nonlocal cache
        if "first" not in cache:
            cache = {"first": args[0].clone()}

    return block.register_forward_pre_hook(hook)
