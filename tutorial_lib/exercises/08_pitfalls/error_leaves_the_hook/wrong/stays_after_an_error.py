"""The error is caught and explained, and the hook forgotten."""


def run_with_hook(block, hook, run):
    handle = block.register_forward_pre_hook(hook)
    try:
        result = run()
    except Exception as error:
        raise RuntimeError(f"the run failed: {error}") from error
    handle.remove()
    return result
