"""One variable for all handles."""

from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    handle = None
    try:
        for module, hook in pairs:
            handle = module.register_forward_pre_hook(hook)
        yield
    finally:
        if handle is not None:
            handle.remove()
