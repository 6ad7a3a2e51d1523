"""Taken off in both cases that come to mind, but Ctrl-C is a third."""


def run_with_hook(block, hook, run):
    handle = block.register_forward_pre_hook(hook)
    try:
        result = run()
    except Exception:
        handle.remove()
        raise
    handle.remove()
    return result
