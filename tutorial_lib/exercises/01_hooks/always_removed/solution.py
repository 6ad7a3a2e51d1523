from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    """Have each hook on its module, as a forward pre-hook, inside a `with` block and not after it."""
    handles = []
    try:
        for module, hook in pairs:
            handles.append(module.register_forward_pre_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()
