"""The hook comes off in the branch for errors only."""


def run_with_hook(block, hook, run):
    handle = block.register_forward_pre_hook(hook)
    try:
        return run()
    except BaseException:
        handle.remove()
        raise
