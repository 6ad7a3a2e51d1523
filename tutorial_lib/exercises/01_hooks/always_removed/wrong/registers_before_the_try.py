"""The `try` protects the body only."""

from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    handles = [module.register_forward_pre_hook(hook) for module, hook in pairs]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
