def run_with_hook(block, hook, run):
    """What `run()` returns, called with the pre-hook on the block; the hook is off afterwards."""
    handle = block.register_forward_pre_hook(hook)
    try:
        return run()
    finally:
        handle.remove()
