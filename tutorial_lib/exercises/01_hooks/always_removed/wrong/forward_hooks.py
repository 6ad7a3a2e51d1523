"""Hooks are registered by the wrong one of two methods."""

from contextlib import contextmanager


@contextmanager
def hooked(pairs):
    handles = []
    try:
        for module, hook in pairs:
            handles.append(module.register_forward_hook(hook))
        yield
    finally:
        for handle in handles:
            handle.remove()
